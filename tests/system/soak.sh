# soak.sh SECONDS: files and raw blocks on all disks at once, while memory is short. Each line of the end says how much was done, or what
# was wrong. A disk is known by its size in MiB.
end=$(($(cut -d. -f1 /proc/uptime) + $1))
going() { [ "$(cut -d. -f1 /proc/uptime)" -lt $end ]; }
device() { disks | awk -v size="$1" '$2 == size { print "/dev/" $1 }'; }
sums() { find . -type f -exec sha256sum {} + | sort | sha256sum; }
available() { sync; awk '/MemAvailable/ { print $2 }' /proc/meminfo; }
objects() { awk '$1 ~ /^(pid|task|spce|vm|path|file|thrd)$/ { print $1, $2 }' /proc/pools; }

files() { # VOLUME: a tree copied, compared, and removed, again and again
    n=0
    good=$(cd "/mnt/$1/tree" && sums)
    while going; do
        n=$((n + 1))
        { mkdir "/mnt/$1/round$n" && cp -R "/mnt/$1/tree" "/mnt/$1/round$n" && sync; } || { echo "files $1: WRONG: cannot be copied"; return; }
        [ "$(cd "/mnt/$1/round$n/tree" && sums)" = "$good" ] || { echo "files $1: WRONG in round $n"; return; }
        rm -r "/mnt/$1/round$n" || { echo "files $1: WRONG: cannot be removed"; return; }
    done
    echo "files $1: $n rounds"
}

raw() { # MIB THREADS [errors]: random blocks, verified
    n=0
    disk=$(device "$1")
    while going; do
        n=$((n + 1))
        # shellcheck disable=SC2086 # nothing or a word
        /tests/io "$disk" 200 "$2" 32768 direct $3 >"/tmp/raw$1" 2>&1 || { echo "raw $1: WRONG: $(cat "/tmp/raw$1")"; return; }
    done
    echo "raw $1: $n rounds"
}

comes_and_goes() { # MIB: what is read of it, when it is there, is right
    n=0 gone=0
    while going; do
        disk=$(device "$1")
        if [ -z "$disk" ]; then
            gone=$((gone + 1))
            rescan >/dev/null 2>&1
            sleep 1
        elif sum=$(dd if="$disk" bs=64k count=100 iflag=direct 2>/dev/null | sha256sum) && [ "$sum" = "$2  -" ]; then
            n=$((n + 1))
        fi
    done
    echo "hot $1: $n rounds, $gone absent"
}

short_of_memory() {
    n=0
    while going; do
        n=$((n + 1))
        dd if=/dev/zero of=/tmp/big bs=1M count=$(($(available) / 1024 - 24)) 2>/dev/null
        sleep 1
        rm -f /tmp/big
    done
    echo "memory: $n rounds"
}

killall automount
objects >/tmp/before
was=$(available)
files SOAKA & files SOAKB &
raw 9 4 & raw 10 4 & raw 11 1 errors &
comes_and_goes 12 "$2" &
short_of_memory &
wait
sleep 2
objects >/tmp/after
echo "soak: $was kB were available, $(available) are"
awk 'NR == FNR { had[$1] = $2; next } $2 > had[$1] { print "WRONG: objects", $1, had[$1], $2 }' /tmp/before /tmp/after
ports | awk '/running|failed/ { print "adapter", $4, $2 }'
dmesg | grep '([AS]-[0-9]*)' | sed 's/^/told: /'
echo "soak: the en""d"
