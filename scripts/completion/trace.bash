# bash completion for trace-report, trace-run and trace-attach. What there is to complete, the programs say themselves.
# Only labels of plain characters are offered: others would need quotes, and come from anywhere.

_trace_words() { # words that begin with $cur, one a line on standard input
    local word
    while IFS= read -r word; do
        [[ $word == "$cur"* ]] && COMPREPLY+=("$word")
    done
}

_trace_labels() {
    trace-report sql --csv "SELECT DISTINCT label FROM runs WHERE label NOT GLOB '*[^-A-Za-z0-9_.+@]*'" 2>/dev/null |
        tail -n +2 | tr -d '\r'
}

_trace_report() {
    local cur=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]} values
    COMPREPLY=()
    if ((COMP_CWORD == 1)); then
        _trace_words < <(trace-report help --words 2>/dev/null | cut -f1)
        return
    fi
    if [[ $before == -* ]]; then
        values=$(trace-report help --words "${COMP_WORDS[1]}" 2>/dev/null | awk -F'\t' -v o="$before" '$1 == o { print $3 }')
        case $values in
            '') ;;
            FILE | BASELINE | DIR) compopt -o default; return ;;
            *' '*) _trace_words < <(printf '%s\n' $values); return ;;
            *) return ;;
        esac
    fi
    if [[ $cur == -* ]]; then
        _trace_words < <(trace-report help --words "${COMP_WORDS[1]}" 2>/dev/null | cut -f1)
    elif [[ ${COMP_WORDS[1]} == help ]]; then
        _trace_words < <(trace-report help --words 2>/dev/null | cut -f1)
    elif [[ ${COMP_WORDS[1]} == merge ]]; then
        compopt -o default
    elif [[ ${COMP_WORDS[1]} != sql ]]; then
        _trace_words < <(_trace_labels)
    fi
}

# Options of a program without subcommands, then what follows them.
_trace_other() {
    local cur=${COMP_WORDS[COMP_CWORD]} i
    COMPREPLY=()
    case ${COMP_WORDS[COMP_CWORD - 1]} in
        -o | --db) compopt -o default; return ;;
        --label | --duration) return ;;
    esac
    if [[ $1 == *trace-run ]]; then
        for ((i = 1; i < COMP_CWORD; i++)); do
            case ${COMP_WORDS[i]} in
                --label | -o | --db) ((i++)) ;;
                -*) ;;
                *) compopt -o default; return ;; # arguments of the command
            esac
        done
    fi
    if [[ $cur == -* ]]; then
        _trace_words < <("$1" --help 2>/dev/null | grep -oE -- '(^| )--[a-z-]+' | tr -d ' ' | sort -u)
    elif [[ $1 == *trace-attach ]]; then
        _trace_words < <(ps -u "$(id -u)" -o pid= 2>/dev/null | tr -d ' ')
    else
        mapfile -t COMPREPLY < <(compgen -c -- "$cur")
        compopt -o default
    fi
}

complete -F _trace_report trace-report
complete -F _trace_other trace-run trace-attach
