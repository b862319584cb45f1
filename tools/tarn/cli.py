# SPDX-License-Identifier: MIT
"""The command line of `tarn`."""

import argparse
import os
import re
import signal
import sys
from pathlib import Path

from . import images, paths, runner
from .machine import Machine
from .ui import Failure, note

DESCRIPTION = """\
Boot a Linux distribution on the Tarn kernel in QEMU: to a shell on this terminal, or for one
command, whose output and exit status it gives back.
"""

EXAMPLES = """\
targets:
  debian            Debian 12, made by mmdebstrap (the default)
  alpine            Alpine's minirootfs: ALPINE_ROOTFS=FILE, or downloaded and checked
  FILE              a rootfs tarball (tar, gzip, xz, zstd)
  DIRECTORY         a directory with a root file system in it

exit status: the command's; 128+n if signal n ended it; 124 if --timeout ran out; 125 if the
machine could not be started, panicked or stopped by itself (one line says why).

environment:
  ALPINE_ROOTFS       a minirootfs tarball to use for the target alpine
  TARN_DEBIAN_MIRROR  a mirror to use instead of this machine's apt sources
  TARN_KERNEL         the default of --kernel
  TARN_IMAGES         where images are kept (default: build/images)
  TARN_QEMU           the QEMU to start (default: qemu-system-x86_64)

examples:
  ./tarn run alpine                              a shell; `poweroff` ends it
  ./tarn run debian -- sh -c 'exit 7'            status 7
  ./tarn run --packages gcc,libc6-dev -- gcc --version
  echo hi | ./tarn run -- tr a-z A-Z             HI
  ./tarn run --disk my.ext4 --smp 4              an existing disk, kept across runs
"""


def memory_size(text: str) -> str:
    if not re.fullmatch(r"[1-9][0-9]*[MmGg]?", text):
        raise argparse.ArgumentTypeError(f"'{text}' is not a size like 512M or 4G")
    return text.upper() if text[-1].isalpha() else text + "M"


def positive(text: str) -> int:
    if not text.isdigit() or not 1 <= int(text) <= 255:
        raise argparse.ArgumentTypeError(f"'{text}' is not a number of CPUs")
    return int(text)


def seconds(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = 0
    if not 0 < value < 1e7:
        raise argparse.ArgumentTypeError(f"'{text}' is not a number of seconds")
    return value


class Parser(argparse.ArgumentParser):
    def error(self, message: str) -> None:
        raise Failure(f"{message}; `./tarn run --help` explains", 2)


def parser() -> argparse.ArgumentParser:
    top = Parser(prog="tarn", description=DESCRIPTION,
                 formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = top.add_subparsers(dest="verb", metavar="run", required=True)
    run = commands.add_parser(
        "run", help="boot a distribution", description=DESCRIPTION, epilog=EXAMPLES,
        usage="tarn run [TARGET] [options] [-- CMD ARGS...]",
        formatter_class=argparse.RawDescriptionHelpFormatter)
    run.add_argument("target", nargs="?", metavar="TARGET",
                     help="what to boot; see below (default: debian)")
    run.add_argument("--packages", metavar="A,B,C", default="",
                     help="packages of the distribution to add to the image")
    run.add_argument("--smp", type=positive, default=1, metavar="N", help="CPUs (default: 1)")
    run.add_argument("--mem", type=memory_size, default="1G", metavar="SIZE",
                     help="memory, like 512M or 4G (default: 1G)")
    run.add_argument("--machine", choices=("q35", "pc", "microvm"), default="q35",
                     help="QEMU's machine (default: q35)")
    run.add_argument("--cpu", default="max", metavar="MODEL",
                     help="QEMU's CPU model (default: max)")
    run.add_argument("--append", default="", metavar='"..."',
                     help="more words for the kernel's command line")
    run.add_argument("--disk", metavar="FILE",
                     help="boot this disk, raw or qcow2, and keep what is written to it")
    run.add_argument("--drive", metavar="FILE", action="append", default=[],
                     help="attach one more disk, raw or qcow2 (/dev/vdb, then vdc ...), and keep "
                          "what is written to it; may be repeated")
    run.add_argument("--timeout", type=seconds, metavar="S",
                     help="kill the machine after S seconds; the status is then 124")
    run.add_argument("--kernel", metavar="ELF",
                     help="the kernel (default: build/release/tarn.elf); a Linux bzImage from "
                          "tools/linux-kernel works too")
    run.add_argument("--log", metavar="FILE",
                     help="write the console's output, all kernel messages included, to FILE")
    run.add_argument("--gdb", action="store_true",
                     help="wait for gdb on port 1234 before the first instruction (`make gdb`)")
    return top


def split_command(argv: list[str]) -> tuple[list[str], list[str] | None]:
    if "--" not in argv:
        return argv, None
    at = argv.index("--")
    return argv[:at], argv[at + 1:]


def kernel_file(given: str | None) -> Path:
    kernel = Path(given or os.environ.get("TARN_KERNEL") or paths.default_kernel())
    if not kernel.is_file():
        hint = "see --kernel" if given or os.environ.get("TARN_KERNEL") else "run `make` first"
        raise Failure(f"no kernel at {kernel}: {hint}")
    return kernel.resolve()


def run(options: argparse.Namespace, cmd: list[str] | None) -> int:
    machine = Machine(kernel=kernel_file(options.kernel), kind=options.machine, smp=options.smp,
                      mem=options.mem, cpu=options.cpu, gdb=options.gdb)
    if cmd is not None and not cmd:
        raise Failure("nothing after `--`: give a command", 2)
    if options.disk:
        about = use_disk(machine, options)
    else:
        packages = sorted(set(options.packages.split(",")) - {""})
        machine.disk, about = images.image_for(options.target or "debian", packages)
    machine.drives = [existing_disk(name) for name in options.drive]
    words = ["root=/dev/vda", "rw", "console=ttyS0"]
    # A command's kernel messages share standard error with the command: keep to the important.
    words += ["quiet"] if cmd and not options.log else []
    machine.append = " ".join([*words, options.append]).strip()
    if options.gdb:
        note("waiting for gdb on port 1234: `make gdb` in another terminal")
    if cmd:
        return runner.command(machine, about, cmd, options.timeout, options.log)
    own_init = about["own_init"] or " init=" in f" {options.append}"
    return runner.interactive(machine, about, own_init, options.timeout, options.log)


def existing_disk(name: str) -> Path:
    disk = Path(name).resolve()
    if not disk.exists():
        raise Failure(f"no disk {name}: make one with `mkfs.ext4 -d DIRECTORY`")
    return disk


def use_disk(machine: Machine, options: argparse.Namespace) -> dict:
    if options.packages:
        raise Failure("--packages makes a new image: it does not go with --disk", 2)
    machine.disk = existing_disk(options.disk)
    machine.throw_away = False
    about = images.describe_disk(machine.disk)
    if options.target in ("debian", "alpine"):
        about |= {"os": options.target, "own_init": options.target == "alpine"}
    return about


def stop(_signal: int, _frame: object) -> None:
    raise SystemExit(128 + signal.SIGTERM)


def main(argv: list[str]) -> int:
    signal.signal(signal.SIGTERM, stop)
    try:
        argv, cmd = split_command(argv)
        return run(parser().parse_args(argv), cmd)
    except Failure as e:
        note(str(e))
        return e.status
    except KeyboardInterrupt:
        return runner.INTERRUPTED
    except BrokenPipeError:
        sys.stderr.close()
        return runner.BROKEN_PIPE
