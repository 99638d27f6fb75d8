# Turns a help text into a man page, so that both say the same. Variables: name, section, short (the line for
# whatis), version.
#
# It understands "Usage: ..." lines, paragraphs, headings ("Options:"), items ("  --label L   description", or
# the item alone with its description on the next, more indented line), and indented text.

function roff(text) {
    gsub(/\\/, "\\e", text)
    gsub(/-/, "\\-", text)
    if (text ~ /^[.']/)
        text = "\\\\&" text
    return text
}

function heading(text) {
    print ".SH " toupper(text)
    at_heading = 1
}

BEGIN {
    printf ".TH %s %s \"\" \"libtrace %s\" \"libtrace\"\n", toupper(name), section, version
    heading("name")
    print name " \\- " roff(short)
}

/^Usage:/ {
    heading("synopsis")
    sub(/^Usage: */, "")
    command = $1
    print ".B " roff(command)
    if (command == "trace-report" && $2 != "SUBCOMMAND") {
        print ".B " roff($2)
        command = command " " $2
    }
    sub(/^[^ ]+ */, "")
    if (command ~ / /)
        sub(/^[^ ]+ */, "")
    print roff($0)
    described = 0
    next
}

!described && /[^ ]/ && !/^[A-Z][a-z ]*:$/ && !/^ / {
    heading("description")
    described = 1
}

/^[A-Z][A-Za-z ]*:$/ {
    sub(/:$/, "")
    heading($0)
    described = 1
    next
}

/^ *$/ {
    if (!at_heading)
        print ".PP"
    next
}

# An item: two spaces before it, and two or more between it and its description.
/^  [^ ]/ {
    line = substr($0, 3)
    at = match(line, /   */)
    print ".TP"
    if (at > 0) {
        print ".B " roff(substr(line, 1, at - 1))
        print roff(substr(line, at + RLENGTH))
    } else {
        print ".B " roff(line)
    }
    at_heading = 0
    next
}

{
    sub(/^ +/, "")
    print roff($0)
    at_heading = 0
}

END {
    heading("see also")
    print "trace\\-run(1), trace\\-attach(1), trace\\-report(1), libtrace(7)"
}
