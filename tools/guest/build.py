"""Builds the guest image: a disk of a few MB that boots under emulation in seconds. See README.md beside this file.

    build.py [OUTPUT]      OUTPUT is guest.qcow2 in $GUEST_IMAGE_DIR, which is /var/tmp/fractus-guest unless it is set

The packages come from where apt gets them, at the versions of packages.txt; the same versions give the same bytes.
"""

from __future__ import annotations

import gzip
import os
import shutil
import struct
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
HOME = Path(os.environ.get("GUEST_IMAGE_DIR", "/var/tmp/fractus-guest"))
EPOCH = 1_700_000_000  # the time of every file in the image
SECTOR = 512
BOOT_START, BOOT_MIB, ROOT_MIB = 2048, 20, 24
UUID = "6f6e6520-636c-4f75-b420-6f66206d616e"
MBR = Path("/usr/lib/syslinux/mbr/mbr.bin")
PROGRAMS = ("dpkg-deb", "mke2fs", "mkfs.vfat", "mcopy", "syslinux", "qemu-img", "cpio", "depmod", "debugfs")

# Loaded in this order before the disk is there; then those that the rest of the boot needs.
EARLY = ("virtio_pci", "virtio_blk", "virtio_scsi", "sd_mod")
LATE = ("virtio_net", "virtio_rng", "ata_piix", "sr_mod", "isofs", "nls_utf8", "vfat", "evdev", "button")
# What the image has of each package.
FILES = {
    "busybox-static": ("bin/busybox",),
    "dropbear-bin": ("usr/sbin/dropbear", "usr/bin/dropbearkey", "usr/bin/dbclient"),
    "e2fsprogs": ("sbin/resize2fs",),
}
SONAMES = (
    *(
        "libc.so.6",
        "ld-linux-x86-64.so.2",
        "libcrypt.so.1",
        "libtomcrypt.so.1",
        "libtommath.so.1",
        "libgmp.so.10",
    ),
    *("libz.so.1", "libext2fs.so.2", "libe2p.so.2", "libcom_err.so.2"),
)
DIRECTORIES = "dev proc sys run tmp root root/.ssh home/guest var/lib/guest var/log mnt"


def run(*argv: str | Path, **more: object) -> bytes:
    """Run a program that must succeed; what it prints."""
    env = {
        **os.environ,
        "SOURCE_DATE_EPOCH": str(EPOCH),
        "E2FSPROGS_FAKE_TIME": str(EPOCH),
        "MTOOLS_SKIP_CHECK": "1",
    }
    done = subprocess.run([str(word) for word in argv], env=env, capture_output=True, check=False, **more)  # type: ignore[call-overload]
    if done.returncode:
        sys.exit(f"guest image: {argv[0]} failed: {done.stderr.decode(errors='replace')[-2000:]}")
    return bytes(done.stdout)


def pinned() -> dict[str, str]:
    """The packages and their versions; "kernel" names the package of the kernel."""
    lines = (HERE / "packages.txt").read_text(encoding="utf-8").splitlines()
    return dict(line.split() for line in lines if line and not line.startswith("#"))


def unpack(versions: dict[str, str], where: Path) -> None:
    """Fetch every package, unless it is kept of an earlier time, and unpack it."""
    kept = HOME / "packages"
    kept.mkdir(parents=True, exist_ok=True)
    for name, version in versions.items():
        path = kept / f"{name}_{version.replace(':', '%3a')}_amd64.deb"
        if not path.exists():
            run("apt-get", "download", "-o", "APT::Sandbox::User=root", f"{name}={version}", cwd=kept)
        run("dpkg-deb", "-x", path, where)


def kernel_release(unpacked: Path) -> str:
    """The release of the one kernel there is."""
    (path,) = (unpacked / "boot").glob("vmlinuz-*")
    return path.name.removeprefix("vmlinuz-")


def modules(tree: Path, names: tuple[str, ...]) -> list[Path]:
    """The files of modules and of all they need, each after what it needs; relative to the tree of modules."""
    depends: dict[str, list[str]] = {}
    for line in (tree / "modules.dep").read_text().splitlines():
        path, _, rest = line.partition(":")
        depends[path] = rest.split()
    by_name = {Path(path).name.removesuffix(".ko").replace("-", "_"): path for path in depends}
    found: list[Path] = []
    for name in names:
        path = by_name[name]
        # modules.dep lists what is needed nearest first.
        for each in [*reversed(depends[path]), path]:
            if Path(each) not in found:
                found.append(Path(each))
    return found


def stamp(tree: Path) -> None:
    """Give every file the one time."""
    for path in [tree, *tree.rglob("*")]:
        os.utime(path, (EPOCH, EPOCH), follow_symlinks=False)


def copy(source: Path, target: Path, mode: int | None = None) -> None:
    """Copy a file, links followed, with its directories."""
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, target)
    target.chmod(mode if mode is not None else source.stat().st_mode & 0o777)


def make_initramfs(unpacked: Path, tree: Path, work: Path) -> Path:
    """The archive from which the kernel starts the first program."""
    root = work / "initramfs"
    copy(unpacked / "bin/busybox", root / "bin/busybox", 0o755)
    copy(HERE / "files/initramfs-init", root / "init", 0o755)
    early = modules(tree, EARLY)
    for path in early:
        copy(tree / path, root / "modules" / path.name, 0o644)
    (root / "modules/order").write_text("".join(f"{path.name}\n" for path in early))
    (root / "dev").mkdir()
    stamp(root)
    names = sorted(str(path.relative_to(root)) for path in root.rglob("*"))
    options = ("--create", "--format=newc", "--reproducible", "--owner=0:0", "--quiet")
    archive = run("cpio", *options, cwd=root, input="\n".join(names).encode() + b"\n")
    path = work / "initrd.gz"
    path.write_bytes(gzip.compress(archive, 9, mtime=EPOCH))
    return path


def make_root(unpacked: Path, tree: Path, work: Path) -> Path:
    """The root file system, as an image of one partition."""
    root = work / "root"
    for files in FILES.values():
        for name in files:
            copy(unpacked / name, root / name, 0o755)
    for soname in SONAMES:
        (found, *_) = [path for path in unpacked.rglob(soname) if path.exists()]
        copy(found.resolve(), root / "lib" / soname, 0o755)
    (root / "lib64").symlink_to("lib")
    for name in run(root / "bin/busybox", "--list-full").decode().split():
        place = root / name
        place.parent.mkdir(parents=True, exist_ok=True)
        if not place.exists():
            place.symlink_to("/bin/busybox")
    for place in (HERE / "files").rglob("*"):
        if place.is_file() and place.name != "initramfs-init":
            copy(place, root / place.relative_to(HERE / "files"))
    for name in DIRECTORIES.split():
        (root / name).mkdir(parents=True, exist_ok=True)
    (root / "etc/shells").write_text("/bin/sh\n")
    (root / "etc/mdev.conf").write_text("-eth[0-9]+ 0:0 660 @/usr/lib/guest/plugged $MDEV\n")
    (root / "etc/modules").write_text("".join(f"{name}\n" for name in LATE))
    release = tree.name
    for path in modules(tree, EARLY + LATE):
        copy(tree / path, root / "lib/modules" / release / path, 0o644)
    for name in ("modules.builtin", "modules.order"):
        copy(tree / name, root / "lib/modules" / release / name, 0o644)
    run("depmod", "-b", root, release)
    stamp(root)
    image = work / "root.img"
    image.write_bytes(b"")
    os.truncate(image, ROOT_MIB << 20)
    # Room for the inodes and the table of blocks of a grown disk; without a journal a boot writes little.
    features = "^has_journal,^metadata_csum_seed,^orphan_file"
    hashed = f"hash_seed={UUID},root_owner=0:0,lazy_itable_init=0"
    named = ("-L", "guest-root", "-U", UUID, "-N", "4096", "-m", "0")
    run("mke2fs", "-q", "-t", "ext4", "-O", features, "-E", hashed, *named, "-d", root, image)
    # The time of the copy is a change time of each file; only the debugger of the file system sets it.
    places = ["/", *(f"/{path.relative_to(root)}" for path in sorted(root.rglob("*")))]
    fields = (f"ctime @{EPOCH}", "ctime_extra 0")
    commands = [f'set_inode_field "{place}" {field}\n' for place in places for field in fields]
    run("debugfs", "-w", "-f", "-", image, input="".join(commands).encode())
    return image


def make_boot(unpacked: Path, initramfs: Path, work: Path) -> Path:
    """The file system that the boot loader reads."""
    image = work / "boot.img"
    image.write_bytes(b"")
    os.truncate(image, BOOT_MIB << 20)
    run(
        "mkfs.vfat",
        "-F",
        "16",
        "-n",
        "GUEST-BOOT",
        "-i",
        UUID[:8],
        "-h",
        str(BOOT_START),
        "--invariant",
        image,
    )
    (kernel,) = (unpacked / "boot").glob("vmlinuz-*")
    copy(kernel, work / "vmlinuz", 0o644)
    copy(HERE / "syslinux.cfg", work / "syslinux.cfg", 0o644)
    for name in ("vmlinuz", "syslinux.cfg", initramfs.name):
        os.utime(work / name, (EPOCH, EPOCH))
        run("mcopy", "-m", "-i", image, work / name, f"::{name}")
    run("syslinux", "--install", image)
    return image


def partition(kind: int, start: int, mib: int, active: bool) -> bytes:
    """An entry of the partition table; addresses by cylinder are not used by anybody."""
    return struct.pack(
        "<B3sB3sII", 0x80 if active else 0, b"\xfe\xff\xff", kind, b"\xfe\xff\xff", start, mib * 2048
    )


def make_disk(boot: Path, root: Path, work: Path) -> Path:
    """The whole disk, raw."""
    root_start = BOOT_START + BOOT_MIB * 2048
    table = partition(0x0E, BOOT_START, BOOT_MIB, True) + partition(0x83, root_start, ROOT_MIB, False)
    disk = work / "disk.img"
    with disk.open("wb") as out:
        out.write(MBR.read_bytes()[:440].ljust(440, b"\0") + bytes.fromhex("0c10d501") + b"\0\0")
        out.write(table.ljust(64, b"\0") + b"\x55\xaa")
        out.seek(BOOT_START * SECTOR)
        out.write(boot.read_bytes())
        out.seek(root_start * SECTOR)
        out.write(root.read_bytes())
        out.truncate((root_start + ROOT_MIB * 2048) * SECTOR)
    return disk


def main() -> None:
    """Build it."""
    missing = [
        name for name in PROGRAMS if not shutil.which(name, path=os.environ["PATH"] + ":/usr/sbin:/sbin")
    ]
    if missing or not MBR.exists():
        sys.exit(f"guest image: not installed: {' '.join(missing) or MBR} (see tools/guest/README.md)")
    os.umask(0o022)
    output = Path(sys.argv[1]) if len(sys.argv) > 1 else HOME / "guest.qcow2"
    with tempfile.TemporaryDirectory() as name:
        work = Path(name)
        unpacked = work / "unpacked"
        unpack(pinned(), unpacked)
        tree = unpacked / "lib/modules" / kernel_release(unpacked)
        run("depmod", "-b", unpacked, tree.name)
        initramfs = make_initramfs(unpacked, tree, work)
        disk = make_disk(make_boot(unpacked, initramfs, work), make_root(unpacked, tree, work), work)
        output.parent.mkdir(parents=True, exist_ok=True)
        made = work / "guest.qcow2"
        run(
            "qemu-img", "convert", "-c", "-m", "1", "-f", "raw", "-O", "qcow2", "-o", "compat=1.1", disk, made
        )
        shutil.copyfile(made, output.with_suffix(".part"))
        output.with_suffix(".part").rename(output)
    print(f"{output}: {output.stat().st_size / 1e6:.1f} MB")


if __name__ == "__main__":
    main()
