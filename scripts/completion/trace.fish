# fish completion for trace-report, trace-run and trace-attach. What there is to complete, the programs say themselves.

function __trace_subcommand
    set -l words (commandline -opc)
    test (count $words) -gt 1; and echo $words[2]
end

function __trace_options
    trace-report help --words (__trace_subcommand) 2>/dev/null | string replace -r '^([^\t]*\t[^\t]*)\t.*' '$1'
end

function __trace_values
    set -l words (commandline -opc)
    set -l option $words[-1]
    string match -q -- '-*' $option; or return 1
    for line in (trace-report help --words (__trace_subcommand) 2>/dev/null)
        set -l parts (string split \t -- $line)
        if test "$parts[1]" = "$option"; and string match -q '* *' -- "$parts[3]"
            string split ' ' -- $parts[3]
            return 0
        end
    end
    return 1
end

# Labels of plain characters only: others come from anywhere.
function __trace_labels
    trace-report sql --csv "SELECT DISTINCT label FROM runs WHERE label NOT GLOB '*[^-A-Za-z0-9_.+@]*'" 2>/dev/null | tail -n +2 | string trim
end

complete -c trace-report -n 'test -z (__trace_subcommand)' -f -a '(trace-report help --words 2>/dev/null)'
complete -c trace-report -n 'test -n (__trace_subcommand); and __trace_values >/dev/null' -f -a '(__trace_values)'
complete -c trace-report -n 'test -n (__trace_subcommand); and string match -q -- "-*" (commandline -ct)' -f -a '(__trace_options)'
complete -c trace-report -n 'test -n (__trace_subcommand)' -a '(__trace_labels)'

complete -c trace-run -l label -x -d 'name the run'
complete -c trace-run -s o -l db -r -d 'record into a file'
complete -c trace-run -l threads -d 'tell threads apart line by line'
complete -c trace-run -l events -d 'log every allocation and free'
complete -c trace-run -l no-command -d 'keep the command line out'
complete -c trace-run -f -n '__fish_is_first_token' -a '(__fish_complete_command)'
complete -c trace-attach -l duration -x -d 'end after this time'
complete -c trace-attach -l background -l detach -l verbose
complete -c trace-attach -l threads -d 'tell threads apart line by line'
complete -c trace-attach -l label -x -d 'name the run'
complete -c trace-attach -s o -l db -r -d 'record into a file'
complete -c trace-attach -l no-command -d 'keep the command line out'
complete -c trace-attach -f -a '(__fish_complete_pids)'
