# Applets of busybox on real input: a case is what follows "### NAME", run by the shell in an empty folder of its own. What it prints,
# on standard output and error, and its status must be what the same busybox gives on the host.
### ar
echo one >a; echo two >b; ar -r x.a a b 2>/dev/null; ar -t x.a; ar -p x.a b
### ascii
ascii | head -5
### awk
printf 'a 1\nb 2\nc 3\n' | awk '{ s += $2; print NR, $1, $2 * 2 } END { printf "%d %.3f\n", s, s / 7 }'
awk 'BEGIN { for (i = 0; i < 5; i++) x[i] = i * i; for (i = 4; i >= 0; i--) print x[i]; print substr("hello", 2, 3), toupper("abc"), length("12345") }'
echo a:b:c | awk -F: '{ print $3 $1; "echo sub" | getline y; print y; print "x" | "cat" }'
### base64
printf 'The quick brown fox\0\377' | base64; echo SGVsbG8= | base64 -d
### basename
basename /a/b/c.txt .txt; basename /; basename a
### bc
echo '2^100; scale=10; 1/7; sqrt(2)' | bc
### bunzip2
seq 1000 | bzip2 >x.bz2; bunzip2 -c x.bz2 | md5sum; bunzip2 -t x.bz2; echo $?; echo junk >j.bz2; bunzip2 j.bz2; echo $?
### bzcat
seq 5000 | bzip2 -9 | bzcat | tail -2
### cal
cal 2 2024; cal 9 1752
### cat
printf 'a\n\n\tb\n' >f; cat -n f; cat -A f; cat f - f <f; cat nosuch; echo $?
### chmod
touch f; for m in 644 u+x go-r a=rw 4755; do chmod $m f; stat -c '%a %A' f; done; chmod zzz f; echo $?
### chown
touch f; chown 1:2 f; stat -c '%u %g' f; chown 0:0 f; stat -c '%u:%g' f
### cksum
printf abc | sum; printf abc | crc32 2>/dev/null; echo
### clear
clear | od -c
### cmp
echo abc >a; echo abd >b; cmp a b; echo $?; cmp -l a b; cmp a a; echo $?; cmp -s a b; echo $?
### cp
mkdir -p d/e; echo x >d/e/f; ln -s f d/e/l; cp -a d d2; find d2 | sort; readlink d2/e/l; cp d/e/f g; cat g; cp nosuch x; echo $?; cp d x; echo $?
### cpio
mkdir d; echo hello >d/f; ln d/f d/g; ln -s f d/s; find d | sort | cpio -o -H newc 2>/dev/null >x; mkdir o; cd o; cpio -id <../x 2>/dev/null; find . | sort; cat d/g; readlink d/s; stat -c %h d/f
### cut
printf 'a:b:c\nd:e:f\nnone\n' | cut -d: -f2-; printf 'abcdef\n' | cut -c2-4,6; printf 'a\tb\n' | cut -s -f2
### date
date -u -d @0; date -u -d '2024-02-29 12:34:56' '+%s %j %A %U %F %T'; date -u -d @1700000000 -R; date -d nonsense; echo $?
### dc
echo '5 3 + p 2 * p 10 k 1 3 / p' | dc
### dd
dd if=/dev/zero bs=1000 count=5 2>/dev/null | wc -c; seq 100 >f; dd if=f bs=10 skip=2 count=3 2>/dev/null; echo; dd if=f of=g bs=7 seek=1 conv=notrunc 2>&1 | head -2; md5sum g; dd if=nosuch 2>&1
### df
df / | wc -l; df /nosuch; echo $?
### diff
printf '1\n2\n3\n4\n' >a; printf '1\n2x\n3\n5\n' >b; diff a b; echo $?; diff -q a b; mkdir d e; echo 1 >d/x; echo 2 >e/x; echo 3 >d/only; diff -r d e | grep -v '^[-+][-+][-+]'
### dirname
dirname /a/b/c; dirname a; dirname /
### dos2unix
printf 'a\r\nb\r\n' | dos2unix | od -c; printf 'a\nb\n' | unix2dos | od -c
### du
mkdir d; echo x >d/f; du -a d | wc -l; du nosuch; echo $?
### echo
echo -n a; echo -e 'x\ty\0101\c no'; echo; echo -- -n
### ed
printf '1\n2\n3\n' >f; printf '2d\na\nnew\n.\n,p\nw\nq\n' | ed -s f 2>/dev/null || printf '2d\n,p\nq\n' | ed f 2>&1 | head -3
### egrep
printf 'foo\nbar\nfoobar\n' | egrep '^(foo|bar)$'; echo abc | egrep -o '[b-z]+'
### env
env -i A=1 B=2 env | sort; env -u HOME sh -c 'echo ${HOME-unset}'; env nosuchprogram; echo $?
### expand
printf 'a\tb\tc\n' | expand; printf 'a\tb\n' | expand -t 4; printf 'a       b\n' | unexpand | od -c
### expr
expr 3 + 4 \* 2; expr abc : 'a\(.\)c'; expr length hello; expr 1 = 2; echo $?; expr substr hello 2 3; expr 1 / 0; echo $?
### factor
factor 1 2 97 1000000007 4294967291 123456789012
### fallocate
fallocate -l 10000 f; stat -c %s f; echo $?
### false
false; echo $?; true; echo $?
### find
mkdir -p a/b/c a/d; touch a/1 a/b/2.txt a/b/c/3.txt; find a | sort; find a -name '*.txt' -type f | sort; find a -maxdepth 1 -type d | sort; find a -name 3.txt -exec echo found {} \;; find a -type f -print0 | sort -z | tr '\0' ' '; echo; find a -empty | sort; find a -newer a/1 -name nope; find a -name '?.txt' -delete; find a -type f | sort
### fold
echo abcdefghijklmnop | fold -w 5; echo 'the quick brown fox' | fold -s -w 10
### getopt
getopt -o ab:c -l long,arg: -- -a -b val --arg=x --long rest; getopt -o a -- -z; echo $?
### grep
printf 'one\ntwo\nthree\nTwo\n' >f; grep -n t f; grep -ic two f; grep -v o f; grep -E 'e{2}' f; grep -A1 one f; grep -B1 three f; grep -q zzz f; echo $?; grep -w two f; grep -F 'o' f | wc -l; grep -l one f /dev/null; grep x nosuch; echo $?; mkdir d; echo deep >d/x; grep -r deep d
### gunzip
seq 2000 >f; gzip f; ls; gunzip f.gz; md5sum f; gzip -c f | gunzip -t; echo $?; echo junk | gunzip; echo $?
### gzip
seq 3000 | gzip -1 | zcat | md5sum; seq 3000 | gzip -9 | gzip -dc | tail -1
### head
seq 20 >f; head -3 f; head -n -17 f; head -c 5 f; echo; head -n1 f f
### hexdump
printf 'hello world\0\1\2\377' | hexdump -C; printf abcd | hexdump -e '4/1 "%02x " "\n"'
### hostid
hostid | wc -c
### id
id -u; id -g; id -un
### install
echo x >f; install -m 640 f g; stat -c %a g; install -d a/b; ls -d a/b
### ipcalc
ipcalc -n -b -m 192.168.5.17/20
### kill
sleep 50 & p=$!; kill -0 $p; echo $?; kill $p; wait $p; echo $?; kill -l 9; kill -l TERM; kill 999999; echo $?
### killall
killall nosuchname; echo $?; echo done
### less
echo text | more | cat
### link
echo x >a; link a b; stat -c %h a; unlink a; cat b; link nosuch c; echo $?
### ln
echo x >a; ln a b; ln -s a c; ln -s nosuch d; cat b c; readlink d; ls -l c | sed 's/.*-> //'; ln a b; echo $?; ln -sf b c; readlink c; test -L d; echo $?; test -e d; echo $?
### ls
mkdir d; touch -d '2020-01-02 03:04:05' d/b d/a d/.h; echo 12345 >d/c; touch -d '2021-01-02 03:04:05' d/c; ls d; ls -a d; ls -A d; ls -1r d; ls -lS d | awk '{ print $1, $2, $5, $6, $7, $9 }' | tail -n +2; ls -t d | head -1; ls -F .; ls nosuch; echo $?; ls -p
### lzcat
seq 100 | lzma -c 2>/dev/null | lzcat 2>/dev/null | tail -1; echo $?
### md5sum
printf abc | md5sum; echo x >f; md5sum f >s; md5sum -c s; echo y >f; md5sum -c s 2>/dev/null; echo $?
### mkdir
mkdir -p a/b/c; ls -R a; mkdir a; echo $?; mkdir -m 700 p; stat -c %a p; mkdir x/y; echo $?
### mkfifo
mkfifo p; ls -l p | cut -c1; (echo through >p) & cat p; wait
### mknod
mknod n c 1 3; echo lost >n; cat n; stat -c '%F %t %T' n
### mktemp
f=$(mktemp ./tmp.XXXXXX); test -f $f; echo $?; d=$(mktemp -d ./dir.XXXXXX); test -d $d; echo $?; echo ${#f}
### mv
mkdir d; echo x >a; mv a b; cat b; mv b d; cat d/b; mv d e; ls e; mv nosuch x; echo $?; echo 1 >p; echo 2 >q; mv -f p q; cat q; mv -n q e/b; cat e/b
### nice
nice -n 5 sh -c 'nice'; nice
### nl
printf 'a\n\nb\n' | nl; printf 'a\nb\n' | nl -b a -w 3 -s :
### nproc
nproc | grep -c '^[0-9]'
### od
printf 'abc\n\0\377' | od -c; printf 'abcdefgh' | od -t x1; printf '\1\2\3\4' | od -A d -t u2; printf 'x' | od -b
### paste
seq 3 >a; seq 4 6 >b; paste a b; paste -d, a b; paste -s a
### patch
printf '1\n2\n3\n' >f; printf -- '--- f\n+++ f\n@@ -1,3 +1,3 @@\n 1\n-2\n+two\n 3\n' >p; patch -p0 <p; cat f; patch -R -p0 <p >/dev/null; cat f
### pidof
pidof nosuchprogram; echo $?
### printf
printf '%d %x %o %s %5.2f|%-5s|%05d\n' 42 255 8 str 3.14159 ab 7; printf '%b' 'a\tb\n'; printf '%s-' 1 2 3; echo; printf '%c\n' hello; printf '%d\n' abc; echo $?
### ps
ps | head -1 | awk '{ print $1 }'; ps -o pid,ppid,comm | head -1
### pwd
cd /; pwd; cd /tmp; pwd -P
### readlink
ln -s b a; ln -s c b; echo x >c; readlink a; readlink -f a | sed 's,.*/,,'; readlink c; echo $?
### realpath
mkdir -p a/b; ln -s a/b l; realpath l/../.. | sed 's,.*/,,' | wc -l; realpath nosuch/x; echo $?
### renice
sleep 5 & renice -n 3 -p $!; echo $?; kill $!
### rev
printf 'abc\nxyz\n' | rev
### rm
mkdir -p d/e; touch d/e/f g; rm g; rm -r d; ls; rm nosuch; echo $?; rm -f nosuch; echo $?; mkdir x; rm x; echo $?
### rmdir
mkdir -p a/b/c; rmdir a; echo $?; rmdir -p a/b/c; ls; echo $?
### run-parts
mkdir d; printf '#!/bin/sh\necho one\n' >d/1; printf '#!/bin/sh\necho two $1\n' >d/2; chmod +x d/*; run-parts -a arg ./d; run-parts --test ./d
### sed
printf 'one\ntwo\nthree\n' >f; sed 's/o/0/g' f; sed -n '2p' f; sed '2d' f; sed -e '/two/a\' -e 'after' f; sed 's/\(.\)\(.\)/\2\1/' f; sed -i 's/one/ONE/' f; cat f; sed -n '$=' f; sed 'y/abc/xyz/; 1!G; h; $!d' f; sed '/ONE/,/two/s/^/> /' f; sed 'q5'; echo $?
### seq
seq 3; seq 2 2 8; seq 5 -2 1; seq -w 8 11; seq -s, 4; seq 0.5 0.5 2
### setsid
setsid -w sh -c 'echo in a session; exit 3' 2>/dev/null || echo $?
### sha1sum
printf abc | sha1sum; printf '' | sha1sum
### sha256sum
printf abc | sha256sum; seq 10000 | sha256sum; printf abc | sha512sum; printf abc | sha3sum
### shuf
seq 100 | shuf | sort -n | md5sum; shuf -e a | cat; shuf -i 5-5
### sleep
sleep 0.1; echo $?; sleep abc; echo $?; sleep 0 0; echo $?
### sort
printf '10\n9\nb\na\nB\n' >f; sort f; sort -n f; sort -r f; sort -f f; printf 'x 3\ny 1\nz 2\n' | sort -k2; printf 'a\na\nb\n' | sort -u; printf '1K\n2M\n3\n' | sort -h; sort -c f; echo $?; printf 'b,2\na,10\n' | sort -t, -k2n
### split
seq 10 >f; split -l 4 f; wc -l x*; split -b 7 f p.; cat p.* | cmp - f; echo $?
### stat
printf 12345 >f; chmod 604 f; touch -d '2001-02-03 04:05:06' f; stat -c '%s %a %F %h %Y %n' f; stat -c %F . /dev/null; stat nosuch; echo $?
### strings
printf 'ab\0hello\1\2world!\0x' | strings; printf 'abcdef\0' | strings -n 7
### stty
stty </dev/null; echo $?
### tac
seq 5 | tac
### tail
seq 20 >f; tail -3 f; tail -n +18 f; tail -c 4 f; tail -n1 f f; tail nosuch; echo $?
### tar
mkdir -p d/e; echo hello >d/f; ln -s f d/l; ln d/f d/h; touch -d '2020-01-01 00:00:00' d/f d/e; tar -cf x.tar d; tar -tf x.tar | sort; mkdir o; tar -xf x.tar -C o; cat o/d/h; readlink o/d/l; stat -c '%Y %h' o/d/f; tar -czf x.tgz d; tar -xzOf x.tgz d/l d/e; rm d/h; tar -cjf x.tbz d; tar -tjf x.tbz | wc -l; echo junk >j; tar -tf j; echo $?
### tee
echo x | tee a b | cat; cat a b; echo y | tee -a a >/dev/null; cat a
### test
test 1 -lt 2; echo $?; [ a = b ]; echo $?; [ -d / -a -f /etc/passwd ]; echo $?; [ -z "" ]; echo $?; [[ abc == a* ]]; echo $?; test -x /bin/sh; echo $?; [ 1 -eq x ]; echo $?
### time
time -f '%C' true 2>&1 | tail -1
### timeout
timeout 1 sleep 50; echo $?; timeout 5 sh -c 'exit 3'; echo $?; timeout -s KILL 1 sleep 50; echo $?
### touch
touch a; stat -c %s a; touch -d '2010-10-10 10:10:10' a; stat -c %Y a; touch -r a b; stat -c %Y b; touch -c nope; ls; touch no/such; echo $?
### tr
echo hello | tr a-y b-z; echo hello | tr -d l; echo aabbcc | tr -s a-c; echo 'Hello World' | tr '[:upper:]' '[:lower:]'; echo abc | tr -c 'b\n' x
### tree
mkdir -p a/b; touch a/c; tree a 2>/dev/null || find a | sort
### truncate
truncate -s 1000 f; stat -c %s f; truncate -s 10 f; stat -c %s f; od f; truncate -s 1M f; stat -c %s f
### ts
echo line | ts %Y | grep -c 'line$'
### tty
tty </dev/null; echo $?
### uname
uname -m; uname -s | wc -l
### uniq
printf 'a\na\nb\nc\nc\n' >f; uniq f; uniq -c f; uniq -d f; uniq -u f; printf 'A\na\n' | uniq -i
### unlzma
printf XQAAgAD//////////wA0GUnujekS5hQOv7l4wqGsDonHv5f//+42gAA= | base64 -d | unlzma; printf junk | unxz; echo $?
### unzip
printf UEsDBBQAAAAAAAAAIVDBSEJZLAEAACwBAAAHAAAAYS9oZWxsb2hlbGxvIGhlbGxvIGhlbGxvIGhlbGxvIGhlbGxvIGhlbGxvIGhlbGxvIGhlbGxvIGhlbGxvIGhlbGxvIGhlbGxvIGhlbGxvIGhlbGxvIGhlbGxvIGhlbGxvIGhlbGxvIGhlbGxvIGhlbGxvIGhlbGxvIGhlbGxvIGhlbGxvIGhlbGxvIGhlbGxvIGhlbGxvIGhlbGxvIGhlbGxvIGhlbGxvIGhlbGxvIGhlbGxvIGhlbGxvIGhlbGxvIGhlbGxvIGhlbGxvIGhlbGxvIGhlbGxvIGhlbGxvIGhlbGxvIGhlbGxvIGhlbGxvIGhlbGxvIGhlbGxvIGhlbGxvIGhlbGxvIGhlbGxvIGhlbGxvIGhlbGxvIGhlbGxvIGhlbGxvIGhlbGxvIGhlbGxvIFBLAQIUAxQAAAAAAAAAIVDBSEJZLAEAACwBAAAHAAAAAAAAAAAAAACAAQAAAABhL2hlbGxvUEsFBgAAAAABAAEANQAAAFEBAAAAAA== | base64 -d >x.zip; unzip -l x.zip; unzip -q x.zip; cat a/hello; head -c 60 x.zip >y.zip; unzip y.zip 2>/dev/null; echo $?
### usleep
usleep 1000; echo $?
### uudecode
printf 'some data\1\2' | uuencode name >u; cat u; uudecode -o out u; od -c out
### vi
printf 'one\ntwo\n' >f; printf ':%%s/one/1/\r:wq\r' | vi f >/dev/null 2>&1; cat f
### watch
watch -n 1 -t echo x </dev/null 2>&1 | head -c 0; echo $?
### wc
printf 'a b\nc\n' >f; wc f; wc -l <f; wc -c f; wc -w f; wc -L f; wc f f; wc nosuch; echo $?
### which
which sh >/dev/null; echo $?; which nosuchprogram; echo $?
### whoami
whoami; logname 2>/dev/null | wc -c
### xargs
printf 'a b\nc\n' | xargs echo x; printf 'a b c d' | xargs -n 2 echo; printf 'a\0b c\0' | xargs -0 -n1 echo; printf '1 2' | xargs -I{} echo '<{}>'; printf '' | xargs -r echo no; printf x | xargs false; echo $?; seq 2000 | xargs | wc -w; seq 8 | xargs -P 4 -n 1 echo | sort
### xxd
printf 'hello world, here I am' | xxd; printf hello | xxd -p; echo 68656c6c6f | xxd -r -p; echo
### xzcat
printf /Td6WFoAAATm1rRGAgAhARYAAAB0L+Wj4AEXABVdADQZSe6N6RLmFA6/udJnpZcm2CoAAAAAAAD/hn9l24NAPwABMZgCAAAAj6QMR7HEZ/sCAAAAAARZWg== | base64 -d >x.xz; xzcat x.xz | tail -1; unxz x.xz; wc -c x
### yes
yes | head -3; yes no | head -2; yes | head -c 1000000 | md5sum
### zcat
seq 100000 | gzip | zcat | md5sum
