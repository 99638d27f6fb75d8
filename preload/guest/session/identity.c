/* identity.c - see identity.h. */
#include "identity.h"
#include "executable.h"
#include "guest.h"
#include "notes.h"
#include "process.h"

#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *last_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

/* Where the program's own arguments (NUL-separated) begin: those before may be for its loader. */
static const char *program_of(const char *arguments, const char *name)
{
    const char *at = arguments;
    while (executable_by_loader() && *at && strcmp(last_name(at), name) != 0)
        at += strlen(at) + 1;
    return *at ? at : arguments;
}

/* The name of a run without a label: the program's, or that of the script that an interpreter runs. */
static const char *default_label(const char *command, const char *executable)
{
    static const char *const interpreters[] = {"python", "perl", "ruby", "bash", "sh",
                                               "dash",   "node", "lua",  NULL};
    const char *name = last_name(executable);
    command = program_of(command, name);
    const char *second = command + strlen(command) + 1; /* arguments are NUL-separated here */
    for (int i = 0; interpreters[i]; i++) {
        /* The whole name, apart from a version: python3.11. */
        size_t size = strlen(interpreters[i]);
        if (strncmp(name, interpreters[i], size) == 0 &&
            name[size + strspn(name + size, "0123456789.")] == '\0' && *second && *second != '-')
            return last_name(second);
    }
    return *command ? last_name(command) : name;
}

static char executable[PATH_MAX], command[8192];
static size_t command_size; /* with a NUL after each argument */

/* If arguments must not be recorded, reads the program's name only. A confined child keeps what its parent
 * has read. */
static void read_command(void)
{
    if (guest_confined)
        return;
    ssize_t size;
    executable_path(executable, sizeof executable);
    if (!settings.command) {
        size = guest_format(command, command + sizeof command - 1, last_name(executable)) - command + 1;
    } else {
        int file = open("/proc/self/cmdline", O_RDONLY | O_CLOEXEC);
        size = file >= 0 ? read(file, command, sizeof command - 2) : 0;
        if (file >= 0)
            close(file);
    }
    command_size = size > 0 ? (size_t)size : 1;
    command[size > 0 ? size : 0] = '\0';
    command[(size > 0 ? size : 0) + 1] = '\0';
}

static char given_label[256];

void identity_label(const char *label)
{
    guest_format(given_label, given_label + sizeof given_label, label);
}

void identity_note(void)
{
    read_command();
    const char *label = *given_label ? given_label : guest_variable("LIBTRACE_LABEL");
    if (!label || !*label)
        label = default_label(command, executable);
    size_t label_size = strlen(label) + 1, executable_size = strlen(executable) + 1;
    struct wire_note_process *note = note_reserve(sizeof *note + executable_size + command_size + label_size);
    if (!note)
        return;
    note->executable_size = (uint32_t)executable_size;
    note->command_size = (uint32_t)command_size;
    note->label_size = (uint32_t)label_size;
    char *at = note->text;
    memcpy(at, executable, executable_size);
    at += executable_size;
    for (size_t i = 0; i + 1 < command_size; i++)
        at[i] = command[i] ? command[i] : ' ';
    at[command_size - 1] = '\0';
    memcpy(at + command_size, label, label_size);
    note_publish(note, WIRE_NOTE_PROCESS);
}
