# Unit tests on the host; tests/host/README.md tells how to add one.

host-test: ## build and run the unit tests on the host (T=part of a path, V=1)
	$(Q)V=$(V) $(MAKE) --no-print-directory -f tests/host/Makefile Q=$(Q) $(if $(T),T=$(T))

host-ext4: $(UAPI)/.done $(GENERATED) ## fs/ext4 on the host over a disk in memory (T=part of a case's name)
	$(Q)$(MAKE) --no-print-directory -f tests/hostfs/Makefile Q=$(Q) OUT_K=$(OUT) $(if $(T),T=$(T))

host-fuzz: $(UAPI)/.done $(GENERATED) ## libFuzzer over damaged ext4 images (SECONDS=45 each)
	$(Q)$(MAKE) --no-print-directory -f tests/hostfs/Makefile Q=$(Q) OUT_K=$(OUT) $(if $(SECONDS),SECONDS=$(SECONDS)) fuzz

net-test: $(UAPI)/.done ## build and run the network's tests on the host (T=part of a name; NET_SEEDS=n, NET_SEED=n)
	$(Q)$(MAKE) --no-print-directory -f tests/net/Makefile Q=$(Q) UAPI=$(UAPI) $(if $(T),T=$(T))

.PHONY: host-test host-ext4 host-fuzz net-test
