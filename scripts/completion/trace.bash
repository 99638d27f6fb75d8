# bash completion for trace-report, trace-run and trace-attach. The programs themselves list what can be
# completed. Only labels of plain characters are offered: others would need quotes, and may contain anything.

_trace_words() { # offers words that begin with $cur, from the lines of standard input
    local word
    while IFS= read -r word; do
        [[ $word == "$cur"* ]] && COMPREPLY+=("$word")
    done
}

# Lists names of plain characters, labels or marks, in the database that the command line names.
_trace_names() {
    trace-report sql "${db[@]}" --csv "SELECT DISTINCT $1 AS name FROM $2 WHERE name NOT GLOB '*[^-A-Za-z0-9_.+@]*'" 2>/dev/null |
        tail -n +2 | tr -d '\r'
}

# Sets command, the subcommand, and db. Options may precede it, and some have their value in the next word.
# Bash makes "=" a word, too.
_trace_line() {
    local i word
    command=''
    db=()
    for ((i = 1; i < COMP_CWORD; i++)); do
        word=${COMP_WORDS[i]}
        case $word in
            -d | --db | -n | --limit | -b | --by | -g | --group | --color | --width)
                [[ ${COMP_WORDS[i + 1]} == '=' ]] && ((i++))
                ((i++))
                [[ $word == -d || $word == --db ]] && ((i < COMP_CWORD)) && db=(-d "${COMP_WORDS[i]/#\~/$HOME}")
                ;;
            --db=*) db=(-d "${word#--db=}") ;;
            -d?*) db=(-d "${word#-d}") ;;
            -* | =) ;;
            *) [[ -z $command && ${COMP_WORDS[i - 1]} != '=' ]] && command=$word ;;
        esac
    done
}

# Offers values of option $1 that begin with $cur, after "--by=" if both are one word. False if it takes no
# value.
_trace_values() {
    local values
    values=$(trace-report help --words "${command:-top}" 2>/dev/null | awk -F'\t' -v o="$1" '$1 == o { print $3 }')
    case $values in
        '') return 1 ;;
        FILE | BASELINE | DIR) compopt -o default ;;
        MOMENT) _trace_words < <(_trace_names name mark) ;;
        *' '*) _trace_words < <(printf '%s\n' $values) ;;
    esac
    [[ -z $attached ]] || COMPREPLY=("${COMPREPLY[@]/#/$attached}")
}

_trace_report() {
    local cur=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]} command attached=''
    local -a db
    COMPREPLY=()
    _trace_line
    if [[ $cur == '=' ]]; then
        cur=''
    elif [[ $before == '=' ]]; then
        before=${COMP_WORDS[COMP_CWORD - 2]}
    elif [[ $cur == --*=* ]]; then
        before=${cur%%=*} attached=${cur%%=*}= cur=${cur#*=}
    fi
    [[ $before == -* ]] && _trace_values "$before" && return
    if [[ $cur == -* ]]; then
        _trace_words < <(trace-report help --words "${command:-help}" 2>/dev/null | cut -f1)
    elif [[ -z $command || $command == help ]]; then
        _trace_words < <(trace-report help --words 2>/dev/null | cut -f1)
    elif [[ $command == merge ]]; then
        compopt -o default
    elif [[ $command != sql && $cur == *@* ]]; then
        _trace_words < <(_trace_names name mark | sed "s|^|${cur%@*}@|")
    elif [[ $command != sql ]]; then
        _trace_words < <(_trace_names label runs)
    fi
}

# Completes options of a program without subcommands, and what follows them.
_trace_other() {
    local cur=${COMP_WORDS[COMP_CWORD]} i
    COMPREPLY=()
    case ${COMP_WORDS[COMP_CWORD - 1]} in
        -o | -d | --db) compopt -o default; return ;;
        --label | --duration) return ;;
    esac
    if [[ $1 == *trace-run ]]; then
        for ((i = 1; i < COMP_CWORD; i++)); do
            case ${COMP_WORDS[i]} in
                --label | -o | -d | --db) ((i++)) ;;
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
