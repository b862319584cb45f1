# Unit tests on the host; tests/host/README.md tells how to add one.

host-test: ## build and run the unit tests on the host (T=part of a path, V=1)
	$(Q)V=$(V) $(MAKE) --no-print-directory -f tests/host/Makefile Q=$(Q) $(if $(T),T=$(T))

net-test: $(UAPI)/.done ## build and run the network's tests on the host (T=part of a name; NET_SEEDS=n, NET_SEED=n)
	$(Q)$(MAKE) --no-print-directory -f tests/net/Makefile Q=$(Q) UAPI=$(UAPI) $(if $(T),T=$(T))

.PHONY: host-test net-test
