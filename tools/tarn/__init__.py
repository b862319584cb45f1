# SPDX-License-Identifier: MIT
"""The `tarn` command: images (rootfs, images), the machine (machine, initramfs), a run (runner)."""
