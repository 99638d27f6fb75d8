"""Existing programs, and something real for each to do: see scripts/test-transparent.

A task is a shell script. It runs in an empty folder, with inputs in $INPUT (inputs.py), and says what it did on its outputs and in
files. What differs between two runs without libtrace is found out by running it twice; what is known to (times, process numbers) is
best left out here."""

import dataclasses


@dataclasses.dataclass
class Task:
    name: str
    package: str  # Debian's, for --install
    script: str
    program: str = ""  # what has to be there, if it is not called like the task
    group: str = ""
    env: dict = dataclasses.field(default_factory=dict)

    def needs(self):
        return self.program or self.name


# group: [(name, package, script, program if another)]
GROUPS = {
    "shells": [
        ("bash", "bash", r"""bash -c 'declare -A n; for i in {1..2000}; do n[$((i % 97))]+=x; done; echo ${#n[@]} ${n[5]}
            trap "echo bye" EXIT; read -r l < <(echo sub); echo "$l" >&2; (exit 3); echo $?; exit 5'"""),
        ("dash", "dash", r"""dash -c 'i=0; while [ $i -lt 300 ]; do i=$((i + 1)); x=$(printf %s $i); done; echo $x; cat $INPUT/text | while read a b; do echo $b; done | sort -u | head -n 3; kill -TERM $$'"""),
        ("zsh", "zsh", r"""zsh -fc 'typeset -A n; for i in {1..2000}; do n[$((i % 97))]+=x; done; echo ${#n} ${(on)${(k)n}[1,5]}; print -l **/*(N); exit 4'"""),
        ("ksh", "ksh93u+m", r"""ksh -c 'typeset -A n; for ((i = 0; i < 2000; i++)); do n[$((i % 97))]+=x; done; echo ${#n[@]}; exit 4'"""),
        ("mksh", "mksh", r"""mksh -c 'i=0; while ((i++ < 2000)); do x=$x.; done; print ${#x}; exit 4'"""),
        ("fish", "fish", r"""fish -N -c 'for i in (seq 300); set -a x $i; end; count $x; string join , $x[1..9]; exit 4'"""),
    ],
    "text": [
        ("mawk", "mawk", r"""mawk '{ n[$2 % 100] = n[$2 % 100] $4 } END { for (i = 0; i < 100; i++) print i, length(n[i]) }' $INPUT/text"""),
        ("gawk", "gawk", r"""gawk '{ n[$2 % 100][$4]++ } END { PROCINFO["sorted_in"] = "@ind_num_asc"; for (i in n) print i, length(n[i]) }' $INPUT/text"""),
        ("sed", "sed", r"""sed -E 's/line ([0-9]+)(.*)/\2 \1/; /7/d; w copy' $INPUT/text | tail -n 20; sed -n 'x;G;1!h;s/\n/ /g;$p' /no/such"""),
        ("grep", "grep", r"""grep -cE '(word ){3,}|[0-9]{4}' $INPUT/text; grep -rnoP '(?<=line )\d+(?= of)' $INPUT/text | tail -n 5; grep nothing $INPUT/text"""),
        ("sort", "coreutils", r"""sort --parallel=4 -S 100k -k2n $INPUT/text > sorted; sort -c sorted; sort -R --random-source=/bin/sh $INPUT/text | uniq -c | sha256sum"""),
        ("coreutils", "coreutils", r"""shuf --random-source=/bin/sh $INPUT/text > a; split -n 5 a part-; cat part-* | cmp - a; tac a | nl | cut -c1-20 | paste - - | fmt | head -n 5
            comm -12 <(sort a) <(sort $INPUT/text) | wc; b2sum a; od -c a | tail -n 2; ls -la --time-style=+ part-*; du -b a; join a no-such; seq 5 | factor""", "shuf"),
        ("diffutils", "diffutils", r"""sort -k2n $INPUT/text > a; sort -k3 $INPUT/text > b; diff -u0 a b | tail -n +3 | sha256sum; diff3 -m a b a | sha256sum; cmp a b; sdiff -s a b | wc -l""", "diff"),
        ("patch", "patch", r"""head -n 200 $INPUT/text > a; sed 's/9/nine/' a > b; diff -u --label a --label a a b > d; patch a < d; cmp a b; patch -R --dry-run a < d; patch a < d; ls"""),
        ("jq", "jq", r"""jq -c 'group_by(.a % 7) | map({k: .[0].a, n: length, s: (map(.b) | join(",") | length)})' $INPUT/data.json; jq .[ $INPUT/data.json"""),
        ("xmllint", "libxml2-utils", r"""xmllint --format --c14n $INPUT/data.xml > x; xmllint --xpath 'count(//item[@id mod 7 = 0])' $INPUT/data.xml; xmllint $INPUT/text; wc -c x"""),
        ("xsltproc", "xsltproc", r"""xsltproc $INPUT/style.xsl $INPUT/data.xml | tee out | tail -n 3"""),
        ("groff", "groff", r"""groff -man -Tutf8 -P-c $(find /usr/share/man/man1 -name 'gpg*.gz' -o -name 'sed.1.gz' | head -n 1 | sed 's/^/ /') < /dev/null | head -c 2000 | sha256sum
            printf '.TS\nl l.\na\tb\n.TE\n' | groff -t -Tascii | head; printf '.EQ\nx sup 2 over y\n.EN\n' | groff -e -Tps | wc -l"""),
        ("man", "man-db", r"""man -P cat sed 2>&1 | head -n 20; man no-such-page"""),
        ("gettext", "gettext", r"""printf 'msgid ""\nmsgstr "Content-Type: text/plain; charset=UTF-8\\n"\nmsgid "a"\nmsgstr "b"\n' > x.po; msgfmt -cv x.po; msgunfmt messages.mo""", "msgfmt"),
        ("iconv", "libc-bin", r"""iconv -f UTF-8 -t UTF-16LE $INPUT/text > u; iconv -f UTF-16LE -t LATIN1//TRANSLIT u | cmp - $INPUT/text; printf '\377' | iconv -f UTF-8 -t LATIN1"""),
        ("less", "less", r"""less -F $INPUT/data.csv | sha256sum; echo q | less -X +G $INPUT/text | head -n 3"""),
        ("aspell", "aspell", r"""printf 'a wrold of wrods\n' | aspell --lang=en list"""),
    ],
    "archives": [
        ("tar", "tar", r"""cp -r $INPUT/files . && tar --sort=name --mtime=2024-01-01 --owner=0 --group=0 -czvf all.tgz files && mkdir x && tar -xvf all.tgz -C x && diff -r files x/files; tar -tf /no/such"""),
        ("gzip", "gzip", r"""gzip -9nkc $INPUT/files/f6 > x.gz; gzip -tv x.gz; gzip -dc x.gz | cmp - $INPUT/files/f6; gzip -d < $INPUT/text"""),
        ("bzip2", "bzip2", r"""bzip2 -kvc $INPUT/files/f6 > x.bz2; bzip2 -tv x.bz2; bzip2 -dc x.bz2 | cmp - $INPUT/files/f6; bzip2 -d < $INPUT/text"""),
        ("xz", "xz-utils", r"""xz -T4 --block-size=16384 -kc $INPUT/text > x.xz; xz -lv x.xz; xz -dc -T4 x.xz | cmp - $INPUT/text; xz -d < $INPUT/text"""),
        ("zstd", "zstd", r"""zstd -q -T2 -19 -c $INPUT/text > x.zst; zstd -dq x.zst -o y; cmp y $INPUT/text; zstd -q --train $INPUT/files/* -o dict; zstd -d < $INPUT/text"""),
        ("lz4", "lz4", r"""lz4 -q -9 $INPUT/text x.lz4; lz4 -q -d x.lz4 y; cmp y $INPUT/text"""),
        ("zip", "zip", r"""cp -r $INPUT/files . && TZ=UTC touch -d 2024-01-01 files files/* && zip -Xr x.zip files && zip -T x.zip"""),
        ("unzip", "unzip", r"""unzip -l $INPUT/x.zip && unzip -o $INPUT/x.zip && ls x; unzip $INPUT/text"""),
        ("7z", "p7zip-full", r"""cp -r $INPUT/files . && 7z a -bd -mtm=off -mmt=2 x.7z files | grep -v '^7-Zip\|p7zip' && 7z t -bd x.7z | tail -n 5"""),
        ("cpio", "cpio", r"""cd $INPUT && ls files/* | cpio -o --reproducible -H newc | cpio -t"""),
        ("dpkg-deb", "dpkg", r"""mkdir -p p/DEBIAN p/usr && printf 'Package: p\nVersion: 1\nArchitecture: all\nMaintainer: m <m@example.org>\nDescription: d\n' > p/DEBIAN/control &&
            cp $INPUT/text p/usr && dpkg-deb --root-owner-group -b p p.deb && dpkg-deb -c p.deb && dpkg-deb -f p.deb Version; dpkg-deb -I /bin/true"""),
        ("rsync", "rsync", r"""rsync -av $INPUT/files/ copy | grep -v '^sent\|^total'; rsync -avn --delete $INPUT/files/ copy | grep -v '^sent\|^total'"""),
    ],
    "compilers": [
        ("gcc", "gcc", r"""gcc -O2 -Wall -g -c $INPUT/code.c -o a.o && gcc -flto -O2 -shared -fPIC $INPUT/code.c -o a.so && gcc -S -o - -x c - < $INPUT/small.c | sha256sum; gcc -c $INPUT/text.c; nm a.o | wc -l"""),
        ("g++", "g++", r"""g++ -std=c++17 -O1 $INPUT/code.cc -o a -fno-lto && ./a; echo $?; g++ -c -x c++ $INPUT/text"""),
        ("clang", "clang", r"""clang -O2 -g -c $INPUT/code.c -o a.o && clang -S -emit-llvm -o - $INPUT/small.c | sha256sum; clang -fsyntax-only $INPUT/text.c"""),
        ("rustc", "rustc", r"""rustc -O --crate-name a $INPUT/code.rs -o a && ./a; rustc --crate-name b $INPUT/text.c"""),
        ("javac", "default-jdk-headless", r"""cp $INPUT/Hello.java . && javac -Xlint:all Hello.java && ls && javac $INPUT/text.c"""),
        ("binutils", "binutils", r"""objdump -d /bin/true | sha256sum; readelf -aW /bin/true | sha256sum; strings -n 8 /bin/bash | wc; as -o a.o $INPUT/code.s && ld -shared -o a.so a.o && nm a.so; ar rcsD a.a a.o && ranlib -D a.a; strip -o b.so a.so; addr2line -e a.so 0""", "objdump"),
        ("lld", "lld", r"""gcc -c $INPUT/code.c -o a.o && ld.lld --threads=4 -shared -o a.so a.o; ld.lld -o x a.o --no-such""", "ld.lld"),
        ("gold", "binutils", r"""gcc -c $INPUT/code.c -o a.o && ld.gold -shared -o a.so a.o && gold -o x /no/such.o""", "ld.gold"),
        ("make", "make", r"""printf 'all: %s\no%%:\n\t@echo making $@; echo $* > $@\nbad:\n\tfalse\n' "$(seq -s ' ' -f o%.0f 40)" > Makefile && make -j1; make bad; make -n none"""),
        ("ninja", "ninja-build", r"""printf 'rule c\n command = gcc -c $in -o $out\nbuild a.o: c %s/small.c\nbuild b.o: c a.c\n' $INPUT > build.ninja; cp $INPUT/small.c a.c; ninja -j1; ninja -t graph | sha256sum; ninja no-such"""),
        ("cmake", "cmake", r"""mkdir s && cp $INPUT/small.c s && printf 'cmake_minimum_required(VERSION 3.10)\nproject(p C)\nadd_library(p STATIC small.c)\n' > s/CMakeLists.txt && cmake -S s -B b > log && cmake --build b -- VERBOSE= | tail -n 2; cmake -P no-such; rm -rf b log"""),
        ("nasm", "nasm", r"""printf 'section .text\nglobal f\nf: mov eax, 1\nret\n' > a.asm && nasm -f elf64 a.asm && nm a.o"""),
        ("flex and bison", "flex", r"""printf '%%%%\n[a-z]+ return 1;\n%%%%\n' > a.l && flex -o a.c a.l && wc -l a.c""", "flex"),
        ("m4", "m4", r"""printf 'define(f, `ifelse($1, 0, 1, `eval($1 * f(decr($1)))")")f(9)\n' | tr '"' "'" | m4; m4 /no/such"""),
        ("gdb", "gdb", r"""gcc -g -O0 $INPUT/small.c -DMAIN -o a && gdb -q -batch -nx -ex 'break f1' -ex run -ex bt -ex 'info locals' -ex 'p 6*7' -ex continue ./a 2>&1 | grep -v '^\[\|Thread\|libthread_db\|debuginfo'"""),
        ("strace", "strace", r"""strace -f -qq -e trace=execve,exit_group -o log sh -c 'true; /bin/echo traced; exit 3'; echo $?; sed 's/^[0-9]* *//; s/0x[0-9a-f]* .*//' log; rm log"""),
    ],
    "interpreters": [
        ("python3", "python3", r"""/usr/bin/python3 -c 'import collections, json, subprocess, sys, threading
box = []; words = collections.Counter(str(i % 977) for i in range(30000)); text = json.dumps(words, sort_keys=True)
ts = [threading.Thread(target=lambda: box.append(len(json.loads(text)))) for _ in range(8)]; [t.start() for t in ts]; [t.join() for t in ts]
print(box, hash("x"), subprocess.run(["echo", "child"], capture_output=True).stdout); open("out", "w").write(text); sys.exit(7)'"""),
        ("python3, unittest", "python3", r"""cp $INPUT/test_it.py . && /usr/bin/python3 -m unittest -v test_it 2>&1 | sed 's/ in [0-9.]*s//'; /usr/bin/python3 -m json.tool $INPUT/data.json | sha256sum; /usr/bin/python3 -X dev -c 'import asyncio; asyncio.run(asyncio.sleep(0.01)); 1/0'""", "python3"),
        ("perl", "perl", r"""perl -e 'my %h; $h{$_ % 1009} .= "x$_," for 1..20000; my @k = sort { length $h{$b} <=> length $h{$a} || $a <=> $b } keys %h; print scalar(@k), " @k[0..5]\n";
            my $p = fork; if (!$p) { print STDERR "child\n"; exit 4 } waitpid $p, 0; print $? >> 8, "\n"; open my $f, ">", "out"; print $f join ",", @k; die "ends badly\n"'; echo $?; perldoc -T -f sort 2>&1 | head -n 3"""),
        ("ruby", "ruby", r"""ruby -e 'h = Hash.new(0); 20000.times { |i| h[(i % 997).to_s] += i }; GC.start; t = 4.times.map { |i| Thread.new { h.values.sum + i } }; p h.size, t.map(&:value); File.write("out", h.inspect); abort "ends"'"""),
        ("php", "php-cli", r"""php -n -r '$a = []; for ($i = 0; $i < 20000; $i++) $a[$i % 997][] = str_repeat("x", $i % 50); echo count($a), " ", strlen(serialize($a)), "\n"; file_put_contents("out", json_encode($a)); exit(6);'"""),
        ("lua", "lua5.4", r"""lua5.4 -e 'local t = {} for i = 1, 50000 do t[i % 997] = (t[i % 997] or "") .. "x" end collectgarbage() print(#t, #t[1]) io.open("out", "w"):write(t[2]) error("ends")'""", "lua5.4"),
        ("tclsh", "tcl", r"""printf 'set s {}; for {set i 0} {$i < 4000} {incr i} {lappend s [expr {$i * 7919 %% 1009}]}; puts [llength [lsort -integer -unique $s]]; puts stderr [exec echo child]; set f [open out w]; puts $f $s; exit 3\n' > x.tcl; tclsh x.tcl"""),
        ("node", "nodejs", r"""node -e 'const m = new Map(); for (let i = 0; i < 50000; i++) m.set("k" + i % 5000, {i, s: "v".repeat(i % 50)});
const {Worker} = require("worker_threads"), z = require("zlib").deflateSync(JSON.stringify([...m])); console.log(m.size, z.length, require("crypto").createHash("sha1").update("x").digest("hex"));
require("fs").writeFileSync("out", z); new Worker("require(\"worker_threads\").parentPort.postMessage(6 * 7)", {eval: true}).on("message", x => { console.error("worker", x); process.exit(6); })'"""),
        ("npm", "npm", r"""printf '{"name": "p", "version": "1.0.0", "scripts": {"t": "echo ran"}}' > package.json; npm run -s t; npm pack --silent --offline && ls; rm -rf .npm"""),
        ("java", "default-jdk-headless", r"""java -Xshare:auto -XX:-UsePerfData $INPUT/Hello.java; echo $?; java NoSuchClass"""),
        ("guile", "guile-3.0", r"""guile --no-auto-compile -c '(let loop ((i 0) (l (list))) (if (< i 20000) (loop (+ i 1) (cons i l)) (begin (display (apply + l)) (newline) (exit 3))))'"""),
        ("sbcl", "sbcl", r"""sbcl --noinform --no-sysinit --no-userinit --non-interactive --eval '(print (reduce (function +) (loop for i below 20000 collect (* i i))))'"""),
        ("R", "r-base-core", r"""R --vanilla -s -e 'set.seed(1); x <- rnorm(1000); print(summary(lm(x ~ seq_along(x)))$sigma); writeLines(as.character(sort(x)), "out"); quit(status = 3)'"""),
        ("octave", "octave", r"""octave-cli --norc --eval 'A = magic(40); disp(norm(A * inv(A + eye(40)))); exit(3)'""", "octave-cli"),
        ("bc", "bc", r"""printf 'scale=300\n4*a(1)\n1/0\n' | bc -lq"""),
    ],
    "databases": [
        ("sqlite3", "sqlite3", r"""sqlite3 x.db < $INPUT/load.sql; sqlite3 x.db .dump | sha256sum; sqlite3 x.db 'PRAGMA integrity_check; SELECT no;'"""),
        ("duckdb", "duckdb", r"""duckdb -c 'SELECT sum(i) FROM range(100000) t(i)'"""),
    ],
    "editors": [
        ("vim", "vim", r"""cp $INPUT/text . && vim -es -u NONE -i NONE -c '%s/word/sentence/g' -c 'g/7/d' -c '%!sort -u' -c wq text; wc text"""),
        ("ed", "ed", r"""cp $INPUT/text . && printf 'g/word/s//sentence/g\n1,9d\nw\n?none?\nH\nq\n' | ed text"""),
        ("emacs", "emacs-nox", r"""cp $INPUT/text . && emacs -Q --batch text --eval '(progn (while (re-search-forward "word" nil t) (replace-match "sentence")) (sort-lines nil (point-min) (point-max)) (save-buffer))'; sha256sum text; rm -f text~""", "emacs"),
        ("tmux", "tmux", r"""tmux -L t$$ -f /dev/null new-session -d -x 80 -y 24 'echo in a terminal > out; cat' && sleep 1 && tmux -L t$$ send-keys hello Enter && sleep 1 && tmux -L t$$ capture-pane -p | head -n 2; tmux -L t$$ kill-server"""),
    ],
    "media": [
        ("ImageMagick", "imagemagick", r"""/usr/bin/convert $INPUT/image.ppm -resize 50% -blur 0x2 -rotate 30 +set date:create +set date:modify -define png:exclude-chunks=date,time x.png && identify -format '%w %h %#\n' x.png; /usr/bin/convert $INPUT/text.c x.png; compare -metric AE x.png x.png null:""", "identify"),
        ("cjpeg", "libjpeg-turbo-progs", r"""cjpeg -quality 80 $INPUT/image.ppm > x.jpg && djpeg x.jpg | sha256sum"""),
        ("ffmpeg", "ffmpeg", r"""ffmpeg -v error -nostdin -f lavfi -i testsrc=duration=1:size=160x120:rate=10 -f lavfi -i sine=duration=1 -threads 2 -flags bitexact -fflags bitexact -c:v mpeg4 -c:a aac x.mkv && ffprobe -v error -show_streams x.mkv | grep codec_name"""),
        ("sox", "sox", r"""sox -R -n -r 8000 x.wav synth 1 sine 440 reverb && sox x.wav -n stat 2>&1 | head -n 4"""),
        ("flac", "flac", r"""flac -s $INPUT/sound.wav -o x.flac && flac -s -d -o y.wav x.flac && cmp y.wav $INPUT/sound.wav"""),
        ("lame", "lame", r"""lame --quiet $INPUT/sound.wav x.mp3; wc -c x.mp3"""),
        ("cwebp", "webp", r"""cwebp -quiet -mt $INPUT/image.ppm -o x.webp && dwebp x.webp -ppm -o y.ppm 2> /dev/null; sha256sum y.ppm"""),
        ("gs", "ghostscript", r"""printf '%%!\n/Times-Roman findfont 40 scalefont setfont 100 100 moveto (text) show showpage\n' > x.ps && gs -q -dBATCH -dNOPAUSE -sDEVICE=ppmraw -r50 -sOutputFile=x.ppm x.ps; sha256sum x.ppm"""),
        ("pdftotext", "poppler-utils", r"""pdfinfo $INPUT/page.pdf; pdftotext $INPUT/page.pdf - | head -n 5; pdftoppm -r 30 $INPUT/page.pdf x"""),
        ("dot", "graphviz", r"""printf 'digraph { %s }' "$(seq 60 | awk '{ print "n" $1 " -> n" int($1 / 3) ";" }')" | dot -Tsvg > x.svg; sha256sum x.svg"""),
        ("gnuplot", "gnuplot-nox", r"""gnuplot -e 'set term dumb; plot sin(x)'""", "gnuplot"),
        ("rsvg-convert", "librsvg2-bin", r"""printf '<svg xmlns="http://www.w3.org/2000/svg" width="90" height="90"><circle cx="40" cy="40" r="30"/><text y="20">a</text></svg>' > x.svg; rsvg-convert x.svg -o x.png"""),
    ],
    "crypto": [
        ("openssl", "openssl", r"""openssl dgst -sha256 $INPUT/text; openssl enc -aes-256-cbc -pbkdf2 -S 0011223344556677 -k secret -in $INPUT/text -out x.enc; openssl enc -d -aes-256-cbc -pbkdf2 -S 0011223344556677 -k secret -in x.enc | cmp - $INPUT/text
            openssl genpkey -algorithm RSA -out k.pem 2> /dev/null && openssl pkey -in k.pem -noout -check; rm k.pem; openssl verify /no/such"""),
        ("gpg", "gpg", r"""umask 077; gpg --batch -q --passphrase secret --pinentry-mode loopback --no-random-seed-file --homedir . -c --s2k-count 65536 -o x.gpg $INPUT/text; gpg --homedir . --batch -q --passphrase secret --pinentry-mode loopback -d x.gpg | cmp - $INPUT/text
            gpg --homedir . --batch --print-md SHA256 $INPUT/text; gpg --homedir . --batch --verify $INPUT/text; gpgconf --homedir . --kill all; rm -rf private-keys* S.* .#*"""),
        ("ssh-keygen", "openssh-client", r"""ssh-keygen -q -t ed25519 -N '' -C c -f k && ssh-keygen -l -f k.pub | cut -c1-11 && ssh-keygen -Y sign -q -n file -f k < $INPUT/text | head -n 1; ssh-keygen -lf /no/such; rm k k.pub"""),
        ("xxd", "xxd", r"""xxd $INPUT/files/f6 | tee dump | tail -n 2; xxd -r dump | cmp - $INPUT/files/f6"""),
    ],
    "network": [
        ("curl", "curl", r"""curl -s file://$INPUT/text -o out && cmp out $INPUT/text; curl -sS http://127.0.0.1:9/; curl --no-such"""),
        ("wget", "wget", r"""wget -q -O out http://127.0.0.1:9/; echo $?; wget --no-such 2>&1 | head -n 2; rm -f out"""),
        ("ssh", "openssh-client", r"""ssh -G -F none example.org | head -n 5; ssh -F none -o BatchMode=yes -p 9 127.0.0.1 true"""),
        ("ip", "iproute2", r"""ip -o addr show lo | head -n 1; ip route get 127.0.0.1; ip no-such"""),
        ("dig", "bind9-dnsutils", r"""dig +short +time=1 +tries=1 @127.0.0.1 -p 9 example.org"""),
    ],
    "versions": [
        ("git", "git", r"""export GIT_CONFIG_NOSYSTEM=1 GIT_AUTHOR_DATE=2024-01-01T00:00:00Z GIT_COMMITTER_DATE=2024-01-01T00:00:00Z; mkdir r; cd r; git init -q -b main . && git config user.name N; git config user.email e@example.org
            for i in 1 2 3 4 5; do seq 1 $((i * 200)) > file$i; git add file$i; git commit -q -m "commit $i"; done; git checkout -q -b b HEAD~2; seq 7 > file1; git commit -qam side; git merge -q main 2>&1; git log --stat; git -c pack.threads=1 gc -q; git fsck; git diff HEAD~2 | sha256sum; git rev-parse HEAD; git show none; rm -f .git/index; rm -rf .git/logs"""),
        ("hg", "mercurial", r"""hg init r && cd r && seq 100 > a && hg add a && hg commit -u n -d '0 0' -m one && hg log && hg verify"""),
        ("svn", "subversion", r"""svnadmin create r && svn -q mkdir -m m file://$PWD/r/trunk && svn ls file://$PWD/r"""),
    ],
    "office": [
        ("soffice", "libreoffice-writer-nogui", r"""soffice --headless "-env:UserInstallation=file://$PWD/profile" --convert-to pdf --outdir . $INPUT/page.html && pdftotext page.pdf - | head -n 5; rm -rf page.pdf profile .cache .config"""),
        ("soffice, a document", "libreoffice-writer-nogui", r"""soffice --headless "-env:UserInstallation=file://$PWD/profile" --convert-to txt:Text --outdir . $INPUT/page.html; cat page.txt; rm -rf profile .cache .config""", "soffice"),
        ("pandoc", "pandoc", r"""pandoc -f html -t markdown $INPUT/page.html"""),
        ("chromium", "chromium", r"""chromium --headless --no-sandbox --disable-gpu --user-data-dir=$PWD/profile --dump-dom file://$INPUT/page.html 2> /dev/null; rm -rf profile .cache .config .pki .local"""),
        ("firefox", "firefox-esr", r"""firefox --headless --no-remote --profile $PWD/profile --screenshot x.png file://$INPUT/page.html > /dev/null 2>&1; file x.png; rm -rf profile .cache .mozilla x.png"""),
    ],
    "system": [
        ("find", "findutils", r"""find $INPUT/files -type f -size +5k -printf '%f %s\n' | sort | tail -n 5; find $INPUT -name 'f*' -print0 | xargs -0 -n 5 -P 1 wc -c | tail -n 3; find /no/such"""),
        ("file", "file", r"""file -b /bin/true $INPUT/files/f3 $INPUT/image.ppm $INPUT/x.zip $INPUT/code.c; file /no/such"""),
        ("getent", "libc-bin", r"""getent passwd root; getent hosts localhost; getent none x"""),
        ("localedef", "locales", r"""localedef -i en_US -f UTF-8 ./loc; ls loc | head -n 5"""),
        ("ps", "procps", r"""ps -o comm= -p $$; ps -p 99999999; ps --no-such 2>&1 | head -n 2"""),
        ("lsof", "lsof", r"""exec 9< $INPUT/text; lsof -w -a -p $$ -d 9 -Fn | tail -n 1"""),
        ("dpkg", "dpkg", r"""dpkg -l bash | tail -n 1; dpkg -L sed | sort | sha256sum; dpkg --compare-versions 1.2-3 lt 1.10-1; echo $?; dpkg -i /no/such"""),
        ("apt-cache", "apt", r"""apt-cache -o pkgCacheFile::Generate=false policy bash | head -n 3; apt-cache depends bash | sort | head -n 20"""),
        ("cron tools", "util-linux", r"""lscpu > /dev/null; lsblk --version; column -t -s, $INPUT/data.csv | head -n 3; hexdump -C $INPUT/files/f3 | tail -n 2; cal 1 2024; flock lock echo locked; rev $INPUT/text | head -n 1; uuidgen -s -n @dns -N example.org""", "column"),
        ("journalctl", "systemd", r"""journalctl --file /no/such; systemd-analyze calendar --iterations=1 2030-01-01 2>&1 | head -n 2; systemd-escape 'a b/c'"""),
    ],
}


def tasks():
    return [Task(row[0], row[1], row[2], row[3] if len(row) > 3 else "", group) for group, rows in GROUPS.items() for row in rows]
