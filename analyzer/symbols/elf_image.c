/* elf_image.c - opens a module's ELF file and the debug files that belong to it. */
#include "elf_image.h"
#include "inflate.h"
#include "sorted.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <elfutils/libdwelf.h>

enum { PATH_ROOM = 4096 };

static const char *debug_directory = "/usr/lib/debug";

void image_set_debug_directory(const char *directory)
{
    debug_directory = directory;
}

static int find_no_elf(Dwfl_Module *module, void **userdata, const char *name, Dwarf_Addr base,
                       char **file_name, Elf **elf)
{
    (void)module, (void)userdata, (void)name, (void)base, (void)file_name, (void)elf;
    return -1; /* always called with a descriptor */
}

/* The kernel adds "(deleted)" to paths in /proc/PID/maps; a file of the old name may still exist (or again).
 */
static int usable_path(const char *path, char *usable, size_t room)
{
    static const char mark[] = " (deleted)";
    size_t length = path ? strlen(path) : 0;
    if (length > sizeof mark && strcmp(path + length - (sizeof mark - 1), mark) == 0)
        length -= sizeof mark - 1;
    if (length == 0 || length >= room || path[0] != '/')
        return 0; /* [vdso], linux-vdso.so.1, or empty */
    memcpy(usable, path, length);
    usable[length] = '\0';
    return 1;
}

/* Opens a regular file; -1 = none. Never blocks: the path may be a FIFO by now. */
static int open_regular(const char *path)
{
    struct stat status;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0)
        return -1;
    if (fstat(fd, &status) != 0 || !S_ISREG(status.st_mode)) {
        close(fd);
        return -1;
    }
    return fd;
}

static enum image_result check_elf(int fd, const uint8_t *build_id, size_t build_id_size)
{
    enum image_result result = IMAGE_MISSING;
    Elf *elf = elf_begin(fd, ELF_C_READ_MMAP, NULL);
    GElf_Ehdr header;
    if (elf_kind(elf) == ELF_K_ELF && gelf_getehdr(elf, &header) &&
        (header.e_type == ET_EXEC || header.e_type == ET_DYN)) {
        const void *found = NULL;
        ssize_t size = build_id_size ? dwelf_elf_gnu_build_id(elf, &found) : 0;
        int same = size >= 0 && (size_t)size == build_id_size &&
                   (build_id_size == 0 || memcmp(found, build_id, build_id_size) == 0);
        result = same ? IMAGE_OPENED : IMAGE_REPLACED;
    }
    elf_end(elf);
    return result;
}

/* Writes the path that a debug file with this build ID would have. */
static int path_of_build_id(const uint8_t *build_id, size_t build_id_size, char *path, size_t room)
{
    size_t length =
        strlen(debug_directory) + strlen("/.build-id/") + 2 * build_id_size + 1 + strlen(".debug");
    if (build_id_size < 2 || length >= room)
        return 0;
    char *end = path + sprintf(path, "%s/.build-id/%02x/", debug_directory, build_id[0]);
    for (size_t i = 1; i < build_id_size; i++)
        end += sprintf(end, "%02x", build_id[i]);
    strcpy(end, ".debug");
    return 1;
}

/* libdwfl would look at the same place first, but keep the file open as it is, compressed. Returns a
 * descriptor, or -1. */
static int find_by_build_id(Dwfl_Module *module, char **found_name, int *is_inflated, int *too_large)
{
    const unsigned char *build_id;
    GElf_Addr where;
    char path[PATH_ROOM];
    int size = dwfl_module_build_id(module, &build_id, &where);
    if (size <= 0 || !path_of_build_id(build_id, (size_t)size, path, sizeof path))
        return -1;
    int fd = open_regular(path);
    if (fd < 0)
        return -1;
    char *name = check_elf(fd, build_id, (size_t)size) == IMAGE_OPENED ? strdup(path) : NULL;
    if (!name) {
        close(fd);
        return -1;
    }
    *found_name = name; /* libdwfl frees it */
    int file = inflate_debug_sections(fd, too_large);
    *is_inflated = file != fd;
    return file;
}

static bool is_there(const char *base, const char *directory, const char *end, const char *between,
                     const char *name)
{
    char path[PATH_ROOM];
    int length =
        snprintf(path, sizeof path, "%s%.*s%s%s", base, (int)(end - directory), directory, between, name);
    return length < 0 || length >= PATH_ROOM || access(path, F_OK) == 0;
}

/* True if there may be a debug file where libdwfl looks for one by name: beside the file, in .debug there, and in the
 * directory of debug files, in which it leaves out more and more of the file's directories. */
static bool has_candidate(const char *file_name, const char *debuglink)
{
    char named[PATH_ROOM];
    const char *slash = strrchr(file_name, '/'), *end = slash ? slash + 1 : file_name;
    if (!debuglink && snprintf(named, sizeof named, "%s.debug", end) >= PATH_ROOM)
        return true;
    const char *name = debuglink ? debuglink : named;
    bool found = is_there("", file_name, end, "", name) || is_there("", file_name, end, ".debug/", name) ||
                 is_there(debug_directory, end, end, "/", name);
    for (const char *from = strchr(file_name, '/'); from && !found && from < end;
         from = strchr(from + 1, '/'))
        found = is_there(debug_directory, from, end, "", name);
    return found;
}

/* Where the file's name is a link, debug files are beside its target, too. Names of supplementary files are paths. */
static bool may_be_found(const char *file_name, const char *debuglink)
{
    if (!file_name || (debuglink && strchr(debuglink, '/')) || has_candidate(file_name, debuglink))
        return true;
    char *target = realpath(file_name, NULL);
    bool found = target && strcmp(target, file_name) != 0 && has_candidate(target, debuglink);
    free(target);
    return found;
}

/* If libdwfl finds nothing on this machine, it loads what asks the servers in DEBUGINFOD_URLS, with thirty libraries,
 * even where the variable is empty, which nearly every run would pay for nothing: so it is asked only where it may find
 * something. And the variable is emptied, in place: putenv() and the like would leak memory or
 * move it. */
static int find_debuginfo(Dwfl_Module *module, void **userdata, const char *name, Dwarf_Addr base,
                          const char *file_name, const char *debuglink, GElf_Word crc, char **found_name)
{
    struct image *image = *userdata;
    if (!image->is_searched) { /* later calls may be for a supplementary file */
        image->is_searched = 1;
        int too_large = 0, fd = find_by_build_id(module, found_name, &image->is_debug_inflated, &too_large);
        if (fd >= 0 && !too_large)
            return fd;
        if (fd >= 0) {
            image->is_too_large = 1;
            close(fd);
            free(*found_name);
            *found_name = NULL;
            return -1;
        }
    }
    if (!may_be_found(file_name, debuglink))
        return -1;
    char *urls = getenv("DEBUGINFOD_URLS");
    char first = urls ? urls[0] : '\0';
    if (first)
        urls[0] = '\0';
    int fd =
        dwfl_standard_find_debuginfo(module, userdata, name, base, file_name, debuglink, crc, found_name);
    if (first)
        urls[0] = first;
    return fd;
}

static int report(struct image *image, const char *path, int fd)
{
    static char *debuginfo_path; /* libdwfl keeps a pointer to the pointer */
    static char debuginfo_path_text[PATH_ROOM];
    static const Dwfl_Callbacks callbacks = {
        .find_elf = find_no_elf,
        .find_debuginfo = find_debuginfo,
        .section_address = dwfl_offline_section_address,
        .debuginfo_path = &debuginfo_path,
    };
    snprintf(debuginfo_path_text, sizeof debuginfo_path_text, ":.debug:%s", debug_directory);
    debuginfo_path = debuginfo_path_text;

    image->dwfl = dwfl_begin(&callbacks);
    if (!image->dwfl)
        return -1;
    dwfl_report_begin(image->dwfl);
    image->module = dwfl_report_elf(image->dwfl, path, path, fd, 0, true);
    void **userdata = NULL;
    if (image->module &&
        dwfl_module_info(image->module, &userdata, NULL, NULL, NULL, NULL, &image->path, NULL))
        *userdata = image;
    if (!image->module || dwfl_report_end(image->dwfl, NULL, NULL) != 0 ||
        !dwfl_module_getelf(image->module, &image->bias)) {
        if (image->module)
            fd = -1; /* it belongs to libdwfl now */
        image_close(image);
        return fd < 0 ? -2 : -1;
    }
    return 0;
}

static int add_text(struct image *image, uint64_t low, uint64_t size)
{
    if (size == 0 || low + size < low)
        return 0;
    struct address_range *text = realloc(image->text, (image->text_count + 1) * sizeof *text);
    if (!text)
        return -1;
    image->text = text;
    size_t at = image->text_count++;
    for (; at > 0 && text[at - 1].low > low; at--)
        text[at] = text[at - 1];
    text[at] = (struct address_range){low, low + size};
    return 0;
}

/* Uses the sections if there are any: in older layouts the first segment is executable and starts at
 * address 0. */
static int find_text(struct image *image)
{
    GElf_Addr bias;
    Elf *elf = dwfl_module_getelf(image->module, &bias);
    Elf_Scn *section = NULL;
    while ((section = elf_nextscn(elf, section)) != NULL) {
        GElf_Shdr header;
        if (gelf_getshdr(section, &header) && (header.sh_flags & SHF_EXECINSTR) &&
            (header.sh_flags & SHF_ALLOC) && add_text(image, header.sh_addr, header.sh_size) != 0)
            return -1;
    }
    size_t count;
    if (image->text_count > 0 || elf_getphdrnum(elf, &count) != 0)
        return 0;
    for (size_t i = 0; i < count; i++) {
        GElf_Phdr header;
        if (gelf_getphdr(elf, (int)i, &header) && header.p_type == PT_LOAD && (header.p_flags & PF_X) &&
            add_text(image, header.p_vaddr, header.p_memsz) != 0)
            return -1;
    }
    return 0;
}

/* fd: the file that is, or was, at path; closed if it is not used. -1: open the path. */
static enum image_result open_file(struct image *image, int fd, const char *path, const uint8_t *build_id,
                                   size_t build_id_size)
{
    if (fd < 0)
        return IMAGE_MISSING;
    enum image_result result = check_elf(fd, build_id, build_id_size);
    if (result != IMAGE_OPENED) {
        close(fd);
        return result;
    }
    int file = fd;
    fd = inflate_debug_sections(file, &image->is_too_large);
    image->is_inflated = fd != file;
    int failed = report(image, path, fd);
    if (failed) {
        if (failed == -1)
            close(fd);
        return IMAGE_MISSING;
    }
    if (find_text(image) != 0) {
        image_close(image);
        return IMAGE_MISSING;
    }
    return IMAGE_OPENED;
}

enum image_result image_open_debug(struct image *image, const uint8_t *build_id, size_t build_id_size)
{
    char path[PATH_ROOM];
    elf_version(EV_CURRENT);
    return path_of_build_id(build_id, build_id_size, path, sizeof path)
               ? open_file(image, open_regular(path), path, build_id, build_id_size)
               : IMAGE_MISSING;
}

enum image_result image_open(struct image *image, int file, const char *path, const uint8_t *build_id,
                             size_t build_id_size)
{
    char usable[PATH_ROOM];
    elf_version(EV_CURRENT);
    enum image_result result = IMAGE_MISSING;
    bool is_usable = usable_path(path, usable, sizeof usable);
    if (file >= 0) {
        result = open_file(image, file, is_usable ? usable : path, build_id, build_id_size);
    } else if (is_usable) {
        result = open_file(image, open_regular(usable), usable, build_id, build_id_size);
        /* Without a build ID, a file at a deleted file's path cannot be told from the one that was
         * deleted. */
        if (result == IMAGE_OPENED && build_id_size == 0 && strcmp(path, usable) != 0) {
            image_close(image);
            return IMAGE_REPLACED;
        }
    }
    if (result == IMAGE_OPENED)
        return IMAGE_OPENED;
    int why = errno;
    if (image_open_debug(image, build_id, build_id_size) == IMAGE_OPENED)
        result = IMAGE_OPENED;
    errno = why;
    return result;
}

void image_close(struct image *image)
{
    if (image->dwfl)
        dwfl_end(image->dwfl);
    free(image->text);
    memset(image, 0, sizeof *image);
}

int image_is_text(const struct image *image, uint64_t address)
{
    size_t count = SORTED_UP_TO(image->text, image->text_count, low, address);
    return count > 0 && address < image->text[count - 1].high;
}

int image_code(const struct image *image, uint64_t address, void *to, size_t size)
{
    Dwarf_Addr at = address + image->bias, bias;
    Elf_Scn *section =
        image_is_text(image, address) ? dwfl_module_address_section(image->module, &at, &bias) : NULL;
    Elf_Data *data = section ? elf_rawdata(section, NULL) : NULL;
    if (!data || !data->d_buf || at > data->d_size || data->d_size - at < size)
        return 0;
    memcpy(to, (const char *)data->d_buf + at, size);
    return 1;
}
