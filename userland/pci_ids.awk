# pci.ids -> tables for pci_ids.c (its head tells their form). LC_ALL=C awk -f pci_ids.awk pci.ids > pci_ids.inc
#
# All classes; the vendors and devices that a storage system meets: whose names speak of storage, all of those who make
# little else, and what emulators show.

BEGIN {
    hex = "0123456789abcdef"
    storage = "[sS]torage|SCSI|[sS][aA][sS][ -]|SAS[0-9]|SATA|[sS]erial ATA|AHCI|IDE|P?ATA([ \/-]|[0-9]|$)|ATAPI|NVM|SSD|" \
              "RAID|MegaR|Fusion|Fibre Channel|Floppy|eMMC|SD Host|Smart Array|Optane|53[cC][0-9]|Z-Drive|[fF]lash [aA]dapter"
    not_storage = "Unified Wire|AUDIO|[vV]ideo|IDER|IDE Redir|Quark|ATM Adapter|[sS]ensor|Management Engine"
    count = split("9004 9005 104b 1044 1095 1101 1103 105a 10cd 1191 11ca 1283 13c1 14d6 17d3 197b 1c5c 1cc1 " \
                  "1e0f 1987 126f 2646 1de1 1344 144d 15b7 c0a9 " \
                  "1234 1af4 1b36 15ad 80ee 5853 1414", ids, " ")
    for (i = 1; i <= count; i++)
        whole[ids[i]]
    # What QEMU, Bochs, VMware, VirtualBox and Hyper-V show of others.
    count = split("8086:1237 8086:7000 8086:7010 8086:7020 8086:7110 8086:7111 8086:7112 8086:7113 8086:7190 8086:7191 " \
                  "8086:7192 8086:29c0 8086:244e 8086:2448 8086:2415 8086:2425 8086:2668 8086:293e 8086:2918 8086:2922 " \
                  "8086:2930 8086:2934 8086:2935 8086:2936 8086:2937 8086:2938 8086:2939 8086:293a 8086:293c 8086:25ab " \
                  "8086:100e 8086:100f 8086:1004 8086:10d3 8086:10c9 8086:10ca 8086:1209 8086:1229 8086:3420 8086:5845 " \
                  "8086:2641 8086:265c 8086:27b9 104c:8232 104c:8233 104c:8000 1013:00b8 1022:2000 1022:2020 " \
                  "10ec:8029 10ec:8139 1011:0009 1011:0014 1011:0019 1011:0022 1011:0024 1011:0026 1033:0194 1033:00a0 " \
                  "106b:003f 1274:1371 1274:5000 1002:5046 1002:5159 10b7:9055 121a:0001 12d8:0101 8086:1960 102b:0519", ids, " ")
    for (i = 1; i <= count; i++)
        wanted[ids[i]]
}

/^#/ || /^\t\t/ && !in_classes || /^$/ { next }

function number(text,    i, n) {
    n = 0
    for (i = 1; i <= length(text); i++)
        n = 16 * n + index(hex, substr(text, i, 1)) - 1
    return n
}

function byte(n) { return sprintf("\\%03o", n) }
function word(text) { return byte(number(substr(text, 3, 2))) byte(number(substr(text, 1, 2))) }

function name(text) {
    gsub(/[\\"?]/, "\\\\&", text)
    return text "\\000"
}

function bytes(text,    n) { # that a piece of a C string stands for
    n = gsub(/\\[0-7][0-7][0-7]/, "x", text)
    gsub(/\\./, "x", text)
    return length(text)
}

# Devices of one name stand together.
function vendor_end(    i, piece, devices, lines) {
    for (i = 1; i <= kinds; i++) {
        piece = byte(uses[kind[i]]) ids_of[kind[i]] name(kind[i])
        devices = devices piece
        lines = lines "    \"" piece "\"\n"
    }
    if (kinds || vendor in whole)
        vendors = vendors "    \"" word(vendor) word(sprintf("%04x", bytes(devices))) name(vendor_name) "\"\n" lines
    kinds = 0
    split("", uses)
    split("", ids_of)
}

function device_add(id, text) {
    if (!(text in uses))
        kind[++kinds] = text
    uses[text]++
    ids_of[text] = ids_of[text] word(id)
}

/^C / { if (!in_classes) vendor_end(); in_classes = 1 }

!in_classes && /^\t/ {
    id = vendor ":" substr($0, 2, 4)
    text = substr($0, 8)
    if (vendor in whole || id in wanted || (text ~ storage && text !~ not_storage))
        device_add(substr($0, 2, 4), text)
    next
}

!in_classes {
    vendor_end()
    vendor = $1
    vendor_name = substr($0, 7)
    next
}

/^C / { class = substr($0, 3, 2); subclass = "00"; put(1, class "0000", substr($0, 7)); next }
/^\t\t/ { put(3, class subclass substr($0, 3, 2), substr($0, 7)); next }
/^\t/ { subclass = substr($0, 2, 2); put(2, class subclass "00", substr($0, 6)) }

function put(depth, code, text) {
    classes = classes "    \"" byte(depth) byte(number(substr(code, 1, 2))) byte(number(substr(code, 3, 2))) \
              byte(number(substr(code, 5, 2))) name(text) "\"\n"
}

END {
    if (vendors == "" || classes == "") {
        print "pci_ids.awk: this is no pci.ids" > "/dev/stderr"
        exit 1
    }
    print "static const uint8_t pci_ids_classes[] =\n" classes "    \"\";"
    print "static const uint8_t pci_ids_vendors[] =\n" vendors "    \"\";"
}
