#!/bin/sh
# Writes the man pages: build.sh FOLDER VERSION TRACE-REPORT PROGRAM...
# Their text is what the programs' --help prints; libtrace(7) is libtrace.txt next to this script.
set -eu
here=$(dirname "$0") folder=$1 version=$2 report=$3
shift 3
mkdir -p "$folder/man1" "$folder/man7"

page() { # name section short, the help text on standard input
    awk -v name="$1" -v section="$2" -v short="$3" -v version="$version" -f "$here/man.awk" \
        > "$folder/man$2/$1.$2.new"
    mv "$folder/man$2/$1.$2.new" "$folder/man$2/$1.$2"
}

"$report" help | page trace-report 1 "show which lines of a program allocate its memory"
"$report" help --words | while IFS="$(printf '\t')" read -r name short; do
    "$report" "$name" --help | page "trace-report-$name" 1 "$short"
done
for program in "$@"; do
    case $program in
        */trace-run) short="run a command and record which of its lines allocate memory" ;;
        */trace-attach) short="record which lines of a running program allocate memory" ;;
        *) short="part of libtrace" ;;
    esac
    "$program" --help | page "$(basename "$program")" 1 "$short"
done
page libtrace 7 "a memory tracer for existing programs" < "$here/libtrace.txt"
