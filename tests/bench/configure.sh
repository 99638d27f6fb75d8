#!/bin/sh
# What a configure script does: hundreds of short processes, among them a compiler's, from one shell.
set -eu
directory=$(mktemp -d)
trap 'rm -rf "$directory"' EXIT
cd "$directory"
for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
  cat >conftest.c <<END
#include <stdio.h>
int main(void) { return sizeof(long) == $i; }
END
  for tool in sed grep expr sort; do
    path=$(command -v $tool) || continue
    echo "checking for $tool... $path" >>config.log
  done
  lines=$(grep -c main conftest.c)
  # shellcheck disable=SC2003 # configure scripts use expr, and its processes are the point
  sum=$(expr "$i" + "$lines")
  name=$(echo "HAVE_FEATURE_$sum" | tr '[:upper:]' '[:lower:]' | sed 's/feature/thing/')
  echo "#define $name 1" | cat >>confdefs.h
  if [ $((i % 5)) = 0 ]; then
    ${CC:-cc} -o conftest conftest.c >>config.log 2>&1 && { ./conftest || true; }
  fi
  rm -f conftest conftest.o
done
sort confdefs.h | uniq | wc -l
