# What shell scripts do: a case is what follows "### NAME", run by the shell in an empty folder of its own. What it prints, on standard output
# and error, and its status must be what the same busybox gives on the host.
### alias
alias hi='echo hello'
hi there
unalias hi
hi 2>/dev/null || echo gone
### and_or
true && echo a || echo b; false && echo a || echo b; false || true && echo c; ! false && echo d
### append
echo 1 >f; echo 2 >>f; cat f; { echo 3; echo 4; } >>f; wc -l <f
### arguments
set -- a 'b c' d; echo $#; for x in "$@"; do echo "[$x]"; done; for x in $*; do echo "<$x>"; done; shift 2; echo "$1"; set --; echo $#
### arithmetic
echo $((1 + 2 * 3)) $(( (1 + 2) * 3 )) $((7 / 2)) $((7 % 3)) $((1 << 10)) $((0xff)) $((017)) $((5 > 3 ? 10 : 20)) $((~0)) $((3 & 6)) $((3 ^ 5))
x=5; : $((x += 3)); echo $x; let 'x = x * 2'; echo $x; echo $((x++)) $x $((--x))
### arithmetic_big
echo $((9223372036854775807)) $((9223372036854775807 + 1)) $((-7 / 2)) $((-7 % 2))
### arithmetic_error
(echo $((1 / 0))) 2>/dev/null; echo $?; (echo $((1 +))) 2>/dev/null; echo $?
### background
sleep 0.1 & p=$!; wait $p; echo $?; (exit 7) & wait $!; echo $?
### background_many
for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do (echo $i >f.$i; exit $i) & done; wait; cat f.* | sort -n | tr '\n' ' '
### background_output
(sleep 0.2; echo late) & echo early; wait
### big_pipe
dd if=/dev/zero bs=4k count=500 2>/dev/null | tr '\0' a | tee c1 | md5sum; wc -c <c1
### break_continue
for i in 1 2 3 4 5; do [ $i = 2 ] && continue; [ $i = 4 ] && break; echo $i; done; for i in 1 2; do for j in 1 2 3; do [ $j = 2 ] && continue 2; echo $i$j; done; done; while :; do while :; do break 2; done; done; echo out
### case
for x in apple banana cherry 1.txt ''; do case $x in a*) echo A;; b*|c*) echo BC;; *.txt) echo T;; '') echo empty;; *) echo other;; esac; done; case ab in [!a]*) echo no;; ?b) echo yes;; esac; case '*' in '*') echo star;; esac
### cd
mkdir -p a/b; cd a/b; cd ..; basename $PWD; cd - >/dev/null; basename $PWD; cd nosuch 2>/dev/null; echo $?; CDPATH=..; cd /; pwd; (cd /tmp; pwd); pwd
### command
command echo x; command -v echo; command -v nosuch; echo $?; echo() { printf 'mine\n'; }; echo x; command echo x
### comments
echo a # comment
# echo b
echo c#d '#e' \#f
### compound
{ echo a; echo b; } | cat; (echo c; exit 3); echo $?; if { true; false; }; then echo y; else echo n; fi
### deep_tree
d=.; for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do d=$d/level$i; done; mkdir -p $d; echo deep >$d/f; cat level*/level*/level*/level*/level*/level*/level*/level*/level*/level*/level*/level*/level*/level*/level*/level*/level*/level*/level*/level*/f; find . -name f | wc -c; rm -r level1; ls
### dev_fd
echo through | cat /dev/fd/0; echo x >/dev/stdout; echo e >/dev/stderr; ls -l /dev/fd | wc -l
### dev_full
echo x >/dev/full; echo $?; dd if=/dev/zero of=/dev/full bs=1 count=1 2>/dev/null; echo $?
### dev_null
echo x >/dev/null; cat /dev/null; wc -c </dev/null; ls nosuch 2>/dev/null; echo $?
### dev_zero
head -c 100000 /dev/zero | md5sum; head -c 16 /dev/urandom | wc -c
### dollar_at_in_function
f() { echo $#: "$@"; g "$@"; }; g() { shift; echo $#: "$*"; }; f 'a b' c d; f
### dot
echo 'x=sourced; echo in $1; return 4; echo never' >s; . ./s arg; echo $? $x
### duplicates
exec 3>f; echo a >&3; echo b >&3; exec 3>&-; cat f; exec 4<f; read x <&4; read y <&4; echo $x$y; echo z >&4; echo $?; (echo err >&2; echo out) 2>&1 | sort; { echo o; echo e >&2; } 2>f 1>&2; cat f
### echo_escape
echo 'a\nb'; echo -e 'a\nb\t\\'; echo "a\$b\`c\"d\\e"; echo a\
b
### empty
:; ; echo unreached
### env_of_command
A=1 sh -c 'echo $A'; echo "[$A]"; export B=2; sh -c 'echo $B'; unset B; sh -c 'echo [$B]'; A=5 B=6 env | grep '^[AB]=' | sort
### errexit
set -e; false || echo kept; if false; then :; fi; ! true; echo still; (false; echo sub); false; echo never
### eval
x='echo $y'; y=5; eval $x; eval 'for i in 1 2; do echo $i; done'; eval "z=\$((y+1))"; echo $z; eval; echo $?
### exec_redirect
exec >f; echo one; echo two; exec >&2; cat f
### exec_replaces
(exec echo replaced; echo never); (exec nosuchprogram) 2>/dev/null; echo $?; sh -c 'exec sh -c "exit 9"'; echo $?
### exit_status
(exit 0); echo $?; (exit 255); echo $?; (exit 256); echo $?; sh -c 'kill -9 $$'; echo $?; sh -c 'kill -TERM $$'; echo $?; nosuchcommand 2>/dev/null; echo $?; touch f; ./f 2>/dev/null; echo $?
### export_p
export Q='a b'; export -p | grep Q=; readonly R=1; (R=2) 2>/dev/null; echo $?
### fifo
mkfifo p; (for i in 1 2 3; do echo line $i; done >p) & while read x; do echo got $x; done <p; wait
### fifo_both_ways
mkfifo a b; (read x <a; echo reply to $x >b) & echo hello >a; read y <b; echo $y; wait
### file_sizes
for n in 0 1 511 512 4095 4096 4097 65536 100000; do head -c $n /dev/zero >f; stat -c %s f; head -c $n /dev/zero | cmp - f; done
### find_exec
mkdir d; for i in 1 2 3; do echo $i >d/$i; done; find d -type f -exec cat {} + | sort; find d -type f | sort | while read f; do echo "$f=$(cat $f)"; done
### for_in
for i in a b c; do echo $i; done; for i in; do echo never; done; for i in $(seq 3) x; do echo $i; done; for i do echo no; done; set -- p q; for i do echo $i; done
### function
f() { echo "$# $1"; return 3; }; f x y; echo $?; g() { local x=inner; echo $x; }; x=outer; g; echo $x; h() ( x=sub; ); h; echo $x; fact() { if [ $1 -le 1 ]; then echo 1; else echo $(($1 * $(fact $(($1 - 1))))); fi; }; fact 6
### getopts
set -- -a -b val -c rest; while getopts ab:c o; do echo "$o ${OPTARG-}"; done; shift $((OPTIND - 1)); echo $*; OPTIND=1; set -- -z; getopts ab o; echo $o
### glob
touch a.txt b.txt c.log .hidden 'with space' ; echo *; echo *.txt; echo ?.log; echo [ab]*; echo [!a]*.*; echo .h*; echo nomatch*; for f in *; do echo "[$f]"; done; echo "*"; set -f; echo *; set +f; mkdir d; touch d/x d/y; echo */*; echo */
### glob_deep
mkdir -p a/b/c a/d/c x/b/c; touch a/b/c/1 a/d/c/2 x/b/c/3; echo */*/*/*; echo a/*/c/?; echo */b/*/3; ls -d */*/
### group_exit
{ exit 4; }; echo never
### hash
hash -r; ls >/dev/null; hash | wc -l
### here_document
x=var; cat <<E
plain $x $(echo sub) $((1+1)) \$x "quoted"
E
cat <<'E'
raw $x $(echo sub)
E
printf 'cat <<-E\n\ttabs $x\n\tE\n' >s; . ./s
cat <<A; cat <<B
first
A
second
B
### here_in_loop
for i in 1 2; do cat <<E
line $i
E
done | while read a b; do echo "$b $a"; done
### here_big
cat <<E | wc
$(seq 3000)
E
### here_string_by_pipe
printf '%s\n' "a b" c | { read x y; read z; echo "$x|$y|$z"; }
### if
if true; then echo 1; elif true; then echo 2; else echo 3; fi; if false; then echo 1; elif true; then echo 2; fi; if false; then :; fi; echo $?; if [ -f nosuch ] || [ 1 = 1 ]; then echo or; fi
### ifs
IFS=:; set -- $(echo a:b::c); echo $#; IFS=' '; x='1:2:3'; IFS=: read a b c <<E
$x
E
echo $a-$b-$c; IFS=,; set -- x y; echo "$*"; unset IFS; echo "$*"
### input_redirect
printf '1\n2\n3\n' >f; while read x; do echo "<$x>"; done <f; read y <f; echo $y; cat <nosuch; echo $?; sort <f >g; cat g; cat 0<f
### jobs
sleep 5 & sleep 5 & jobs | wc -l; kill %1 %2; wait; jobs | wc -l
### kill_group
setsid sh -c 'sleep 50 & sleep 50 & echo $$ >g; wait' & while [ ! -s g ]; do sleep 0.05; done; kill -- -$(cat g); wait; echo $?
### length
x=hello; echo ${#x}; y=; echo ${#y}; set -- 1 2 3; echo ${#}; echo ${#1}
### line_continuation
echo a \
  b; x=1\
2; echo $x; echo "one \
two"
### long_line
x=$(head -c 50000 /dev/zero | tr '\0' y); echo ${#x}; echo $x | wc -c; echo $x | cut -c49999-
### many_files
i=0; while [ $i -lt 300 ]; do echo $i >f$i; i=$((i + 1)); done; ls | wc -l; cat f* | sort -n | tail -1; rm f1*; ls | wc -l
### many_links
echo x >f; i=0; while [ $i -lt 100 ]; do ln f l$i; i=$((i + 1)); done; stat -c %h f; rm l*; stat -c %h f
### nested_quotes
x="a 'b' \"c\""; echo "$x"; echo 'it'"'"'s'; echo "$(echo "inner $(echo "deepest")")"; echo "${x:-"default"}"; echo "`echo \`echo old\``"
### nested_subshell
(echo a; (echo b; (echo c; exit 5); echo $?); echo d); x=1; (x=2; (x=3; echo $x); echo $x); echo $x
### noclobber
set -C; echo 1 >f; echo 2 >f; echo $?; cat f; echo 3 >|f; cat f
### nounset
(set -u; echo $nosuch; echo never) 2>/dev/null; echo $?; set -u; echo ${nosuch-default}; x=; echo "[$x]"
### null_command
>f; ls -l f | awk '{ print $5 }'; : >g; test -s g; echo $?; x=$(:); echo "[$x]"
### open_files
i=3; while [ $i -lt 10 ]; do eval "exec $i>f$i"; eval "echo $i >&$i"; i=$((i + 1)); done; cat f3 f9; exec 5>&-; echo x >&5; echo $?
### or_default
unset x; echo ${x:-d} ${x-d}; x=; echo ${x:-d} "${x-d}"; echo ${x:=set} $x; echo ${x:+alt} "${y:+alt}"; (echo ${z:?message}) 2>&1 | sed 's/.*: //'; echo ${x:1} ${x:0:2}
### output_order
for i in 1 2 3; do echo o$i; echo e$i >&2; done >f 2>&1; cat f
### patterns
p=/usr/local/lib/file.tar.gz; echo ${p##*/} ${p%/*} ${p%.*} ${p%%.*} ${p#*/} ${p/local/LOCAL} ${p//l/L}; x=aaa; echo ${x/a/b} ${x//a/b} ${x#a} ${x%%a*}
### permissions
touch f; chmod 000 f; stat -c %a f; umask 077; touch g; mkdir h; stat -c %a g h; umask; umask 022; umask -S
### pid
[ $$ = $(sh -c 'echo $PPID') ] && echo parent; (echo $$) >f; [ $$ = $(cat f) ] && echo same; sleep 1 & [ $! -gt 0 ] && echo positive; kill $!
### pipe_exit
true | false; echo $?; false | true; echo $?; set -o pipefail; false | true; echo $?; sh -c 'exit 3' | cat; echo $?
### pipe_long
seq 1000 | cat | cat | cat | cat | cat | cat | cat | cat | sort -rn | head -3 | tac | tail -1
### pipe_loop
seq 5 | while read x; do echo $((x * x)); done | paste -s -d+ | bc
### pipe_sigpipe
yes | head -1; (yes; echo $? >s) | head -1 >/dev/null; seq 100000 | head -2; cat s
### pipe_stderr
{ echo out; echo err >&2; } 2>&1 >/dev/null | sed 's/^/got /'; ls nosuch 2>&1 | wc -l
### pipe_to_background
seq 10 | (sleep 0.1; cat) & wait; echo done
### positional
set -- 1 2 3 4 5 6 7 8 9 10 11; echo $1 $10 ${10} ${11}; shift 9; echo $1; shift 5; echo $?; echo $#
### printf_loop
printf '%03d:%s\n' 1 a 2 b 3; printf '%%|%5s|%-5s|\n' x y; printf '\x41\102\n'; printf '%s\n' "$(printf 'a\n\n\n')"
### process_status
sleep 100 & p=$!; kill -STOP $p; sleep 0.1; cut -d' ' -f3 /proc/$p/stat; kill -CONT $p; kill $p; wait $p; echo $?
### quoting_special
echo '$x `y` \z "w"'; eval "$(printf 'echo "tab\tend"')"; echo 'new
line'; echo a'b'"c"\d; echo "!" '*' \? "~"; echo ~root | cut -c1
### read
printf 'a b c\nd\\\ne\nlast' >f; { read x y; read z; read -r w; echo "$x|$y|$z|$w"; } <f; echo 'x:y' | { IFS=: read a b; echo $b; }; printf 'abc' | { read -n 2 q; echo $q; }; read v </dev/null; echo $?; echo '  trim  ' | { read t; echo "[$t]"; }
### read_timeout
read -t 1 x </dev/null; echo $?; sleep 3 | { read -t 1 y; echo $?; }
### recursion
f() { [ $1 = 0 ] && { echo bottom; return; }; f $(($1 - 1)); }; f 200
### redirect_both
ls . nosuch >f 2>&1; wc -l <f; ls . nosuch >f 2>&1 | cat; { echo 1; echo 2 >&2; } >a 2>b; cat a b
### redirect_error
echo x >nosuch/f; echo $?; echo x >/; echo $?; cat <nosuch; echo $?; echo next
### return_status
f() { return; }; false; f; echo $?; g() { false; }; g; echo $?; h() { return 300; }; h; echo $?
### script_file
printf '#!/bin/sh\necho script $0 $1\nexit 6\n' >s; chmod +x s; ./s arg; echo $?; printf 'echo plain\n' >t; chmod +x t; ./t; sh t; printf '#!/nosuch\n' >u; chmod +x u; ./u 2>/dev/null; echo $?
### script_interpreter
printf '#!/bin/cat\nshown\n' >c; chmod +x c; ./c; printf '#! /bin/sh -e\nfalse\necho never\n' >e; chmod +x e; ./e; echo $?; printf '#!%s\necho nested\n' "$PWD/e" >n; chmod +x n; ./n; echo $?
### seek_and_hole
dd if=/dev/zero of=f bs=1 count=0 seek=1000000 2>/dev/null; stat -c %s f; echo end >>f; tail -c 4 f; head -c 1000000 f | md5sum; printf X | dd of=f bs=1 seek=500 conv=notrunc 2>/dev/null; od -A d -c f | head -4
### select_utf8
x='äöü€'; echo ${#x} "$x"; echo "$x" | wc -c; touch "$x"; ls; echo ??* | wc -c
### set_options
set -o | grep -c o; set -x; echo traced; set +x; case $- in *x*) echo x;; *) echo no x;; esac
### shift_all
set -- a b c; while [ $# -gt 0 ]; do echo $1; shift; done; shift 2>/dev/null; echo $?
### signal_between
sh -c 'trap "echo got usr1; exit 5" USR1; echo ready >r; while :; do sleep 0.05; done' & while [ ! -f r ]; do sleep 0.05; done; kill -USR1 $!; wait $!; echo $?
### signal_ignored
trap '' TERM; sh -c 'kill -TERM $$; echo survived'; trap - TERM; sh -c 'kill -TERM $$; echo never'; echo $?
### sort_pipeline
printf 'the cat\nthe dog\na cat\n' | tr ' ' '\n' | sort | uniq -c | sort -rn -k1,1 | awk '{ print $2, $1 }' | sort
### special_parameters
false; echo $?; echo $#; echo "$0" | sed 's,.*/,,'; echo "$_" >/dev/null; echo ${PPID:+set}; echo $((RANDOM >= 0)); echo ${LINENO:+line}
### subshell_env
x=1; export x; (x=2; sh -c 'echo $x'); echo $x; (cd /; pwd); [ "$PWD" != / ] && echo kept; (exit 3) || echo $?
### substitution
echo $(echo a; echo b); echo "$(printf 'a\nb\n')"; x=$(false); echo $?; y=`echo back`; echo $y; echo $(cat <nosuch 2>/dev/null)end; n=$(seq 100 | wc -l); echo $((n))
### substitution_big
x=$(seq 20000); echo "$x" | md5sum; set -- $x; echo $# ${20000}
### symlinks
mkdir d; echo x >d/f; ln -s d e; cat e/f; cd e; pwd -P | sed 's,.*/,,'; pwd | sed 's,.*/,,'; cd ..; ls -d e; ln -s loop loop; cat loop; echo $?; ln -s ../$(basename $PWD)/d/f g; cat g; rm e; ls d
### tail_follow
(for i in 1 2 3; do echo $i; sleep 0.3; done >f) & sleep 0.1; timeout 3 tail -f f | head -3; wait
### test_files
touch f; mkdir d; ln -s f l; mkfifo p; for t in -e -f -d -L -p -r -w -x; do for x in f d l p no; do [ $t $x ]; printf %s $?; done; echo; done; [ f -ef l ]; echo $?; touch -d '2001-01-01' o; [ f -nt o ]; echo $?
### tilde
HOME=/h; echo ~ ~/x a~ "~"; x=~/y; echo $x
### times_and_dates
touch -d '2022-03-04 05:06:07' f; stat -c %Y f; cp -p f g; stat -c %Y g; mv g h; stat -c %Y h; find . -newermt 2030-01-01 2>/dev/null | wc -l
### trap_exit
trap 'echo bye $?' EXIT; echo hi; (trap 'echo sub' EXIT; exit 2); echo $?; exit 3
### trap_int
sh -c 'trap "echo int; exit 9" INT; kill -INT $$; sleep 1; echo never'; echo $?; sh -c 'trap "echo again" USR1; kill -USR1 $$; kill -USR1 $$; echo end'; trap 'echo x' USR2; trap; trap - USR2; trap
### trap_in_loop
n=0; trap 'n=$((n + 1))' USR1; i=0; while [ $i -lt 20 ]; do kill -USR1 $$; i=$((i + 1)); done; echo $n
### type
type echo cd if | sed 's,/[a-z/]*/,,'; type nosuch 2>/dev/null; echo $?; f() { :; }; type f | head -1
### ulimit
ulimit -n 16; exec 3>a 4>b 5>c 6>d; ulimit -n; (ulimit -f 1; head -c 100000 /dev/zero >big; echo $?) 2>/dev/null; stat -c %s big; ulimit -c
### unset
x=1; unset x; echo "[${x-un}]"; f() { :; }; unset -f f; f 2>/dev/null; echo $?
### until
i=0; until [ $i -ge 3 ]; do echo $i; i=$((i + 1)); done; until true; do :; done; echo $?
### wait_order
(sleep 0.2; exit 2) & a=$!; (exit 1) & b=$!; wait $b; echo $?; wait $a; echo $?; wait $a; echo $?; wait 99999; echo $?
### while_read_file
seq 200 >f; n=0; while read x; do n=$((n + x)); done <f; echo $n; exec 3<f; while read -r x <&3; do [ $x = 5 ] && break; done; read y <&3; echo $y
### word_splitting
x='a  b   c'; echo $x; echo "$x"; set -- $x; echo $#; y='*'; echo "$y"; z="one two"; for i in $z; do echo $i; done; set -- "" x; echo $#; set -- $nothing; echo $#
### write_beyond
printf abc >f; printf XY | dd of=f bs=1 seek=5 conv=notrunc 2>/dev/null; od -c f; printf Z 1<>f; cat f | od -c
### xtrace
sh -xc 'x=1; echo $x; (echo sub)' 2>&1
### zombie
sh -c 'true & sleep 0.2; wait; echo reaped'; for i in 1 2 3; do sh -c 'exit 0' & done; wait; ps | grep -c '[Z]ombie'
