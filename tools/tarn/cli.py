# SPDX-License-Identifier: MIT
"""The command line of `tarn`."""

import argparse
import os
import re
import signal
import sys
from pathlib import Path

from . import copies, images, initramfs, paths, runner, storage, terminal
from .machine import Machine
from .ui import Failure, note

MOST_CPUS = 64  # include/tarn/cpu.h, MAX_CPUS

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
  ./tarn run -t -- top                           a command on a terminal of its own
  ./tarn run --copy prog.c:/root/ --packages gcc,libc6-dev -- gcc prog.c
  ./tarn run --packages nginx -p 8080:80 -- nginx -g 'daemon off;'
  ./tarn run --disk my.ext4 --smp 4              an existing disk, kept across runs
"""


def memory_size(text: str) -> str:
    if not re.fullmatch(r"[1-9][0-9]*[MmGg]?", text):
        raise argparse.ArgumentTypeError(f"'{text}' is not a size like 512M or 4G")
    return text.upper() if text[-1].isalpha() else text + "M"


def cpus(text: str) -> int:
    if not text.isdigit() or not 1 <= int(text) <= MOST_CPUS:
        raise argparse.ArgumentTypeError(f"'{text}' is not a number of CPUs from 1 to {MOST_CPUS}")
    return int(text)


def escape_key(text: str) -> int:
    try:
        return terminal.key(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"'{text}' is not a key like ^A, or none") from None


def seconds(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = 0
    if not 0 < value < 1e7:
        raise argparse.ArgumentTypeError(f"'{text}' is not a number of seconds")
    return value


def network(text: str) -> str:
    if text in ("none", "user") or re.fullmatch(r"tap:[A-Za-z0-9_.-]{1,15}", text):
        return text
    raise argparse.ArgumentTypeError(f"'{text}' is not none, user or tap:NAME")


def port_number(text: str) -> bool:
    return text.isdigit() and 1 <= int(text) <= 65535


def forward(text: str) -> str:
    """[HOSTADDR:]HOST:GUEST[/udp] as QEMU's hostfwd says it."""
    ports, _, kind = text.partition("/")
    address, _, ports = ports.rpartition(":")
    address, _, host = address.rpartition(":")
    if kind not in ("", "tcp", "udp") or not port_number(host) or not port_number(ports) or \
            not re.fullmatch(r"([0-9]{1,3}(\.[0-9]{1,3}){3})?", address):
        raise argparse.ArgumentTypeError(f"'{text}' is not like 8080:80, 127.0.0.1:53:53/udp")
    return f"{kind or 'tcp'}:{address or '127.0.0.1'}:{host}-:{ports}"


def mac_address(text: str) -> str:
    if not re.fullmatch(r"[0-9a-fA-F]{2}(:[0-9a-fA-F]{2}){5}", text) or int(text[:2], 16) & 1:
        raise argparse.ArgumentTypeError(f"'{text}' is not one machine's address like "
                                         "52:54:00:12:34:56")
    return text


class Parser(argparse.ArgumentParser):
    def error(self, message: str) -> None:
        raise Failure(f"{message}; `./tarn run --help` explains", 2)


def parser() -> argparse.ArgumentParser:
    top = Parser(prog="tarn", description=DESCRIPTION,
                 formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = top.add_subparsers(dest="verb", metavar="run|images|clean", required=True)
    commands.add_parser("images", help="list the images that are kept")
    commands.add_parser("clean", help="remove the images that are kept")
    run = commands.add_parser(
        "run", help="boot a distribution", description=DESCRIPTION, epilog=EXAMPLES,
        usage="tarn run [TARGET] [options] [-- CMD ARGS...]",
        formatter_class=argparse.RawDescriptionHelpFormatter)
    run.add_argument("target", nargs="?", metavar="TARGET",
                     help="what to boot; see below (default: debian)")
    run.add_argument("--packages", metavar="A,B,C", default="",
                     help="packages of the distribution to add to the image")
    run.add_argument("--smp", type=cpus, default=1, metavar="N", help="CPUs (default: 1)")
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
    run.add_argument("--copy", metavar="HOST:GUEST", action="append", default=[],
                     help="put a file or directory into the machine before it starts; with a "
                          "slash at its end GUEST is a directory to put it in; may be repeated")
    run.add_argument("--net", type=network, default="user", metavar="none|user|tap:NAME",
                     help="the network: none, QEMU's own (the default), or the host's tap NAME")
    run.add_argument("-p", "--publish", type=forward, action="append", default=[],
                     metavar="[ADDR:]HOST:GUEST[/udp]",
                     help="connections to port HOST of this machine (address ADDR, default "
                          "127.0.0.1) go to GUEST of the other; may be repeated")
    run.add_argument("--mac", type=mac_address, metavar="ADDRESS",
                     help="the network card's address")
    run.add_argument("-t", "--terminal", action="store_true",
                     help="CMD gets a terminal of the size of this one, resized with it")
    run.add_argument("--escape", type=escape_key, default=terminal.DEFAULT_ESCAPE, metavar="KEY",
                     help="the key that, followed by x, kills the machine at this terminal: ^A or "
                          "the like, or none (default: ^])")
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
    with open(kernel, "rb") as f:
        is_elf = f.read(4) == b"\x7fELF"
    if not is_elf and not initramfs.is_bzimage(kernel):
        raise Failure(f"{kernel} is no kernel: neither an ELF file nor a Linux bzImage")
    return kernel.resolve()


def run(options: argparse.Namespace, cmd: list[str] | None) -> int:
    machine = Machine(kernel=kernel_file(options.kernel), kind=options.machine, smp=options.smp,
                      mem=options.mem, cpu=options.cpu, gdb=options.gdb, net=options.net,
                      forwards=options.publish, mac=options.mac or "")
    if options.publish and options.net != "user":
        raise Failure("-p is for --net user", 2)
    if cmd is not None and not cmd:
        raise Failure("nothing after `--`: give a command", 2)
    if options.terminal and (not cmd or not terminal.is_ours()):
        raise Failure("-t needs a command and a terminal here", 2)
    if options.disk:
        about = use_disk(machine, options)
    else:
        packages = sorted(set(options.packages.split(",")) - {""})
        machine.disk, about = images.image_for(options.target or "debian", packages)
    machine.drives = [existing_disk(name) for name in options.drive]
    wishes = runner.Wishes(options.timeout, options.log, options.terminal, options.escape,
                           [copies.parse(text) for text in options.copy])
    words = ["root=/dev/vda", "rw", "console=ttyS0"]
    # A command's kernel messages share standard error with the command: keep to the important.
    words += ["quiet"] if cmd and not options.log else []
    machine.append = " ".join([*words, options.append]).strip()
    if options.gdb:
        note("waiting for gdb on port 1234: `make gdb` in another terminal")
    if cmd:
        return runner.command(machine, about, cmd, wishes)
    own_init = about["own_init"] or " init=" in f" {options.append}"
    return runner.interactive(machine, about, own_init, wishes)


def existing_disk(name: str) -> Path:
    disk = Path(name).resolve()
    if not disk.exists():
        raise Failure(f"no disk {name}: make one with `mkfs.ext4 -d DIRECTORY`")
    if disk.is_dir():
        raise Failure(f"{name} is a directory, not a disk; as TARGET it makes an image")
    if not os.access(disk, os.R_OK | os.W_OK):
        raise Failure(f"{name} may not be read and written by you")
    return disk


def use_disk(machine: Machine, options: argparse.Namespace) -> dict:
    if options.packages:
        raise Failure("--packages makes a new image: it does not go with --disk", 2)
    machine.disk = existing_disk(options.disk)
    machine.throw_away = False
    if " root=" not in f" {options.append}" and not images.has_ext4(machine.disk):
        raise Failure(f"{options.disk} has no ext4 file system on it "
                      "(--append root=/dev/vda1 names a partition)")
    about = images.describe_disk(machine.disk)
    if options.target in ("debian", "alpine"):
        about |= {"os": options.target, "own_init": options.target == "alpine"}
    return about


def stop(_signal: int, _frame: object) -> None:
    raise SystemExit(128 + signal.SIGTERM)


def keep_streams_apart() -> None:
    """A standard stream that came closed must not be the number of some socket of ours."""
    for fd, mode in enumerate((os.O_WRONLY, os.O_RDONLY, os.O_RDONLY)):
        try:
            os.fstat(fd)
        except OSError:
            os.open(os.devnull, mode)  # the wrong mode: using it fails, as on a closed one
    sys.stdout = sys.stdout or open(os.devnull, "w", encoding="utf-8")
    sys.stderr = sys.stderr or open(os.devnull, "w", encoding="utf-8")


def parse(argv: list[str]) -> argparse.Namespace:
    options, rest = parser().parse_known_args(argv)
    if rest:
        hint = "; a command goes after `--`" if options.verb == "run" and rest[0][:1] != "-" else ""
        raise Failure(f"'{rest[0]}' is not understood{hint}; `./tarn run --help` explains", 2)
    return options


def main(argv: list[str]) -> int:
    signal.signal(signal.SIGTERM, stop)
    try:
        keep_streams_apart()
        argv, cmd = split_command(argv)
        options = parse(argv)
        if options.verb == "run":
            return run(options, cmd)
        print(storage.listing() if options.verb == "images" else storage.clean())
        sys.stdout.flush()
        return 0
    except Failure as e:
        note(str(e))
        return e.status
    except KeyboardInterrupt:
        return runner.INTERRUPTED
    except BrokenPipeError:
        sys.stderr.close()
        return runner.BROKEN_PIPE
    except OSError as e:  # of the host: a full or unwritable folder, say
        note(f"{e.filename}: {e.strerror}" if e.filename else str(e))
        return 125
