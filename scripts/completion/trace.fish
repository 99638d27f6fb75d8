# fish completion for trace-report, trace-run and trace-attach. The programs themselves list what can be
# completed.

# The subcommand. Options may precede it, and some have their value in the next word.
function __trace_subcommand
    set -l words (commandline -opc)
    set -l value no
    for word in $words[2..-1]
        if test $value = yes
            set value no
        else if contains -- $word -d --db -n --limit -b --by -g --group --color --width
            set value yes
        else if not string match -q -- '-*' $word
            echo $word
            return
        end
    end
end

# The option with the database, if the command line contains one.
function __trace_db
    set -l words (commandline -opc)
    set -l next no
    for word in $words[2..-1]
        if test $next = yes
            printf '%s\n' -d $word
            return
        end
        set next (contains -- $word -d --db; and echo yes; or echo no)
        string match -q -- '--db=*' $word; and printf '%s\n' -d (string replace -- '--db=' '' $word); and return
        string match -qr -- '^-d.' $word; and printf '%s\n' -d (string sub -s 3 -- $word); and return
    end
end

function __trace_options
    set -l command (__trace_subcommand)
    test -n "$command"; or set command help
    trace-report help --words $command 2>/dev/null | string replace -r '^([^\t]*\t[^\t]*)\t.*' '$1'
end

# Lists labels or marks, but only names of plain characters: the others may contain anything.
function __trace_names
    trace-report sql (__trace_db) --csv "SELECT DISTINCT $argv[1] AS name FROM $argv[2] WHERE name NOT GLOB '*[^-A-Za-z0-9_.+@]*'" 2>/dev/null | tail -n +2 | string trim
end

function __trace_values
    set -l words (commandline -opc)
    set -l option $words[-1]
    set -l attached
    set -l now (commandline -ct)
    set -l command (__trace_subcommand)
    test -n "$command"; or set command top
    if string match -q -- '--*=*' $now
        set option (string replace -r '=.*' '' -- $now)
        set attached $option=
    end
    string match -q -- '-*' $option; or return 1
    for line in (trace-report help --words $command 2>/dev/null)
        set -l parts (string split \t -- $line)
        if test "$parts[1]" = "$option"
            if test "$parts[3]" = MOMENT
                printf "$attached%s\n" (__trace_names name mark)
                return 0
            else if string match -q '* *' -- "$parts[3]"
                printf "$attached%s\n" (string split ' ' -- $parts[3])
                return 0
            end
        end
    end
    return 1
end

function __trace_labels
    set -l now (commandline -ct)
    if string match -q '*@*' -- $now
        printf (string replace -r '@.*' '' -- $now)@%s\\n (__trace_names name mark)
    else
        __trace_names label runs
    end
end

complete -c trace-report -n 'not count (__trace_subcommand) >/dev/null; and not __trace_values >/dev/null' -f -a '(trace-report help --words 2>/dev/null)'
complete -c trace-report -n '__trace_values >/dev/null' -f -a '(__trace_values)'
complete -c trace-report -n 'string match -q -- "-*" (commandline -ct)' -f -a '(__trace_options)'
complete -c trace-report -n 'count (__trace_subcommand) >/dev/null; and not __trace_values >/dev/null' -a '(__trace_labels)'

complete -c trace-run -l label -x -d 'name the run'
complete -c trace-run -s o -s d -l db -r -d 'record into a file'
complete -c trace-run -l threads -d 'tell threads apart line by line'
complete -c trace-run -l events -d 'log every allocation and free'
complete -c trace-run -l no-command -d 'keep the command line out'
complete -c trace-run -l no-types -d 'leave out the types of objects'
complete -c trace-run -l sample -d 'record a sample only'
complete -c trace-run -l keep -x -d 'thin what is older'
complete -c trace-run -l max-size -x -d 'bound the database'
complete -c trace-run -l rotate -x -d 'put the past aside'
complete -c trace-run -f -n '__fish_is_first_token' -a '(__fish_complete_command)'
complete -c trace-attach -l duration -x -d 'end after this time'
complete -c trace-attach -l background -l detach -l verbose
complete -c trace-attach -l threads -d 'tell threads apart line by line'
complete -c trace-attach -l label -x -d 'name the run'
complete -c trace-attach -s o -s d -l db -r -d 'record into a file'
complete -c trace-attach -l no-command -d 'keep the command line out'
complete -c trace-attach -l no-types -d 'leave out the types of objects'
complete -c trace-attach -l sample -d 'record a sample only'
complete -c trace-attach -l keep -x -d 'thin what is older'
complete -c trace-attach -l max-size -x -d 'bound the database'
complete -c trace-attach -l rotate -x -d 'put the past aside'
complete -c trace-attach -f -a '(__fish_complete_pids)'
