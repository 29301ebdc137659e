# shellcheck shell=sh
# What the launcher needs from the host: how each thing is found, and the packages that have it. Sourced by
# ./portolan. `need THING...` comes back with all of them there: it installs what is missing with apt-get, and
# elsewhere names the packages and stops.

# One line a thing: name, then its package for apt, dnf, pacman, zypper and Homebrew (-: has none).
package_table() {
    cat <<'END'
make         make                make                  make             make                  make
git          git                 git                   git              git                   git
cc           gcc                 gcc                   gcc              gcc                   x86_64-elf-gcc
libc         libc6-dev           glibc-devel           glibc            glibc-devel           -
font         console-setup-linux kbd-misc              kbd              kbd                   -
pci.ids      pci.ids             hwdata                hwdata           hwdata                hwdata
busybox      busybox-static      busybox               busybox          busybox-static        -
musl         musl-tools          musl-gcc              musl             musl-gcc              filosottile/musl-cross/musl-cross
mingw        gcc-mingw-w64-x86-64 mingw64-gcc          mingw-w64-gcc    mingw64-cross-gcc     mingw-w64
cpio         cpio                cpio                  cpio             cpio                  cpio
qemu         qemu-system-x86     qemu-system-x86       qemu-system-x86  qemu-x86              qemu
ovmf         ovmf                edk2-ovmf             edk2-ovmf        qemu-ovmf-x86_64      qemu
mkrescue     grub-common         grub2-tools-extra     grub             grub2                 x86_64-elf-grub
grub-bios    grub-pc-bin         grub2-pc-modules      grub             grub2-i386-pc         i686-elf-grub
grub-efi     grub-efi-amd64-bin  grub2-efi-x64-modules grub             grub2-x86_64-efi      x86_64-elf-grub
xorriso      xorriso             xorriso               libisoburn       xorriso               xorriso
mformat      mtools              mtools                mtools           mtools                mtools
gdb          gdb                 gdb                   gdb              gdb                   x86_64-elf-gdb
pytest       python3-pytest      python3-pytest        python-pytest    python3-pytest        pytest
xdist        python3-pytest-xdist python3-pytest-xdist python-pytest-xdist python3-pytest-xdist -
clang        clang               clang                 clang            clang                 llvm
fuzzer       libclang-rt-dev     compiler-rt           compiler-rt      clang                 llvm
clang-format clang-format        clang-tools-extra     clang            clang-tools           clang-format
clang-tidy   clang-tidy          clang-tools-extra     clang            clang-tools           llvm
sfdisk       fdisk               util-linux            util-linux       util-linux            util-linux
mkfs.fat     dosfstools          dosfstools            dosfstools       dosfstools            dosfstools
cppcheck     cppcheck            cppcheck              cppcheck         cppcheck              cppcheck
pandoc       pandoc              pandoc                pandoc-cli       pandoc                pandoc
dot          graphviz            graphviz              graphviz         graphviz              graphviz
weasyprint   weasyprint          weasyprint            python-weasyprint python3-weasyprint   weasyprint
kmod         kmod                kmod                  kmod             kmod                  -
gcovr        gcovr               gcovr                 gcovr            python3-gcovr         gcovr
END
}

host_is_x86_64() { [ "$(uname -m)" = x86_64 ] || [ "$(uname -m)" = amd64 ]; }

package_name() { # MANAGER THING -> the package that has it
    case $1 in apt) col=2 ;; dnf) col=3 ;; pacman) col=4 ;; zypper) col=5 ;; brew) col=6 ;; esac
    case $1:$2 in
    apt:cc) if host_is_x86_64; then echo gcc; else echo gcc-x86-64-linux-gnu; fi ;;
    apt:fuzzer) echo "libclang-rt-$(clang -dumpversion | cut -d. -f1)-dev" ;;
    *) package_table | awk -v thing="$2" -v col="$col" '$1 == thing && $col != "-" { print $col }' ;;
    esac
}

package_names() { # MANAGER -> the packages that have what is missing
    for thing in $missing; do package_name "$1" "$thing"; done | sort -u | tr '\n' ' '
}

find_command() { # NAME... -> the first that exists
    for name in "$@"; do command -v "$name" && return; done
    return 1
}

find_file() { # PATH... -> the first that exists
    for file in "$@"; do [ -e "$file" ] && { echo "$file"; return; }; done
    return 1
}

find_cc() {
    [ -n "${CROSS:-}${CC:-}" ] || find_command x86_64-elf-gcc x86_64-linux-gnu-gcc ||
        { host_is_x86_64 && find_command gcc; }
}

find_font() { # where the Makefile looks for it
    [ -n "${FONT:-}" ] ||
        find_file /usr/share/consolefonts/Uni2-VGA16.psf.gz /usr/share/kbd/consolefonts/*-VGA16.psf.gz
}

find_pci_ids() { # where the Makefile looks for it
    [ -n "${PCI_IDS:-}" ] || find_file /usr/share/misc/pci.ids /usr/share/hwdata/pci.ids \
        /opt/homebrew/share/hwdata/pci.ids /usr/local/share/hwdata/pci.ids
}

find_busybox() { # where the Makefile looks for it; only a static one runs by itself
    file=${BUSYBOX:-$(find_file /bin/busybox /usr/bin/busybox)} || return 1
    ! LC_ALL=C readelf -l "$file" 2>/dev/null | grep -q INTERP && echo "$file"
}

find_python() { find_command /usr/bin/python3 python3; }
find_mkrescue() { find_command grub-mkrescue grub2-mkrescue x86_64-elf-grub-mkrescue i686-elf-grub-mkrescue; }
find_gdb() { find_command gdb gdb-multiarch x86_64-elf-gdb; }
find_grub() { find_file "/usr/lib/grub/$1" "/usr/share/grub2/$1" "$(brew_prefix)/lib/x86_64-elf/grub/$1"; }
brew_prefix() { brew --prefix 2>/dev/null || echo /usr/local; }

# Firmware code and its variable store, by the places where distributions put them.
find_ovmf_code() {
    find_file /usr/share/OVMF/OVMF_CODE_4M.fd /usr/share/edk2/x64/OVMF_CODE.4m.fd \
        /usr/share/edk2/ovmf/OVMF_CODE.fd /usr/share/qemu/ovmf-x86_64-code.bin \
        "$(brew_prefix)/share/qemu/edk2-x86_64-code.fd"
}

find_ovmf_vars() {
    find_file /usr/share/OVMF/OVMF_VARS_4M.fd /usr/share/edk2/x64/OVMF_VARS.4m.fd \
        /usr/share/edk2/ovmf/OVMF_VARS.fd /usr/share/qemu/ovmf-x86_64-vars.bin \
        "$(brew_prefix)/share/qemu/edk2-i386-vars.fd"
}

have() { # THING: is it there?
    case $1 in
    cc) find_cc ;;
    font) find_font ;;
    pci.ids) find_pci_ids ;;
    busybox) find_busybox ;;
    musl) [ -n "${MUSL_CC:-}" ] || find_command musl-gcc x86_64-linux-musl-gcc ;;
    mingw) [ -n "${MINGW_CC:-}" ] || find_command x86_64-w64-mingw32-gcc ;;
    libc) find_file /usr/include/stdio.h "$(xcrun --show-sdk-path 2>/dev/null)/usr/include/stdio.h" ;;
    qemu) command -v qemu-system-x86_64 ;;
    ovmf) find_ovmf_code && find_ovmf_vars ;;
    mkrescue) find_mkrescue ;;
    grub-bios) find_grub i386-pc ;;
    grub-efi) find_grub x86_64-efi ;;
    gdb) find_gdb ;;
    pytest) "$(find_python)" -c 'import pytest' ;;
    xdist) "$(find_python)" -c 'import xdist' ;;
    kmod) find_command kmod ;;
    sfdisk | mkfs.fat) find_file "/sbin/$1" "$(command -v "$1")" ;;
    fuzzer) [ -e "$(clang -print-file-name=libclang_rt.fuzzer-x86_64.a)" ] ;;
    *) command -v "$1" ;;
    esac >/dev/null 2>&1
}

need() { # THING...: have them all, or install them, or stop
    missing=
    for thing in "$@"; do have "$thing" || missing="$missing $thing"; done
    [ -z "$missing" ] && return
    if command -v apt-get >/dev/null 2>&1; then packages_install; else packages_report; fi
}

packages_install() {
    packages=$(package_names apt)
    as_root=
    if [ "$(id -u)" != 0 ]; then
        command -v sudo >/dev/null 2>&1 || die "as root, install these packages first: $packages"
        as_root=sudo
    fi
    say "installing the packages this needs: $packages"
    # shellcheck disable=SC2086 # lists of words
    {
        $as_root env DEBIAN_FRONTEND=noninteractive apt-get update -q
        $as_root env DEBIAN_FRONTEND=noninteractive apt-get install -qy --no-install-recommends $packages
    } >&2 || die "apt-get could not install: $packages"
    for thing in $missing; do have "$thing" || die "$thing is still missing after installing $packages"; done
}

packages_report() {
    say "missing:$missing. The packages that have it:"
    for manager in apt dnf pacman zypper brew; do
        case $manager in
        apt) command="apt-get install" ;;
        dnf) command="dnf install" ;;
        pacman) command="pacman -S" ;;
        zypper) command="zypper install" ;;
        brew) command="brew install" ;;
        esac
        say "  $command $(package_names $manager)"
    done
    exit 1
}

need_build() { need make git cc cpio font pci.ids busybox musl mingw mkfs.fat sfdisk; }
need_iso() { need mkrescue grub-bios grub-efi xorriso mformat; }

need_test() {
    need qemu ovmf gdb libc clang clang-format clang-tidy cppcheck gcovr pandoc dot weasyprint pytest xdist mformat
    need fuzzer # its package is named after clang's version
}
