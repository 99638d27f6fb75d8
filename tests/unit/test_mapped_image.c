/* test_mapped_image.c - files that are mapped into a program: results agree with the loader's, and
 * whatever a file contains, nothing outside of it is read. */
#include "mapped_image.h"
#include "frame.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <link.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
/* after the headers that it needs */
#include <cmocka.h>

/* libelf leaks some memory for a file with damaged headers. */
const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
    return "detect_leaks=0";
}

/* ---- the C library, as the loader has it ---------------------------------------------------------- */

struct library {
    char path[4096];
    uintptr_t bias, start; /* start: of its first mapping */
};

static int find_libc(struct dl_phdr_info *info, size_t size, void *data)
{
    struct library *libc = data;
    (void)size;
    if (!strstr(info->dlpi_name, "libc.so.6"))
        return 0;
    snprintf(libc->path, sizeof libc->path, "%s", info->dlpi_name);
    libc->bias = info->dlpi_addr;
    for (int i = 0; i < info->dlpi_phnum; i++) {
        if (info->dlpi_phdr[i].p_type == PT_LOAD) {
            libc->start = info->dlpi_addr + info->dlpi_phdr[i].p_vaddr;
            break;
        }
    }
    return 1;
}

static struct library libc;

struct sought {
    const char *name;
    uintptr_t value;
    size_t seen;
    bool found;
};

static bool look_at(const GElf_Sym *symbol, const char *name, void *data)
{
    struct sought *sought = data;
    sought->seen++;
    sought->found = strcmp(name, sought->name) == 0;
    if (sought->found)
        sought->value = symbol->st_value;
    return sought->found;
}

static void symbols(void **unused)
{
    static const char *const names[] = {"malloc", "dlopen", "mmap", "environ"};
    struct image image;
    (void)unused;
    /* dlsym(RTLD_DEFAULT) would find a sanitizer's functions of the same names */
    void *handle = dlopen(libc.path, RTLD_NOW | RTLD_NOLOAD);
    assert_true(image_open(&image, open(libc.path, O_RDONLY)));
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        struct sought sought = {.name = names[i]};
        image_symbols(&image, look_at, &sought);
        assert_ptr_equal(libc.bias + sought.value, dlsym(handle, names[i]));
    }
    struct sought none = {.name = "no such function"},
                  undefined = {.name = "_rtld_global"}; /* defined in the loader, not here */
    image_symbols(&image, look_at, &none);
    image_symbols(&image, look_at, &undefined);
    assert_true(!none.found && none.seen > 2000);
    assert_true(!undefined.found && undefined.seen == none.seen);
    image_close(&image);
}

static void places(void **unused)
{
    static const char nowhere[] = "these bytes are in no function of a C library";
    struct image image;
    (void)unused;
    assert_true(image_open(&image, open(libc.path, O_RDONLY)));
    assert_int_equal(libc.bias + image_first_page(&image), libc.start & -(uintptr_t)sysconf(_SC_PAGESIZE));
    uintptr_t place = image_code(&image, FRAME_RESTORE_CODE, sizeof FRAME_RESTORE_CODE - 1);
    assert_true(place != 0);
    assert_memory_equal((const void *)(libc.bias + place), FRAME_RESTORE_CODE, sizeof FRAME_RESTORE_CODE - 1);
    assert_int_equal(image_code(&image, nowhere, sizeof nowhere - 1), 0);
    /* the text is in its data, not in its code */
    assert_int_equal(image_code(&image, "%s: option '%s%s'", 10), 0);
    image_close(&image);
}

/* ---- invalid files
 * -------------------------------------------------------------------------------------- */

static unsigned char nowhere[24]; /* in no file: memory made at run time */

static char damaged[] = "/tmp/libtrace-image-XXXXXX";

/* Uses every function on the file. It must return, without an error from a sanitizer. */
static bool ask_all(const char *path)
{
    struct image image;
    struct sought sought = {.name = "no such function"};
    bool opened = image_open(&image, open(path, O_RDONLY));
    if (opened) {
        image_symbols(&image, look_at, &sought);
        image_first_page(&image);
        image_code(&image, nowhere, sizeof nowhere);
    }
    image_close(&image);
    return opened;
}

static void no_images(void **unused)
{
    (void)unused;
    assert_false(ask_all("/no/such/file"));
    assert_false(ask_all("/"));
    assert_false(ask_all("/dev/null"));
    assert_false(ask_all("/proc/self/maps"));
}

static void write_damaged(const char *bytes, size_t size)
{
    int file = open(damaged, O_WRONLY | O_TRUNC);
    assert_int_equal(write(file, bytes, size), size);
    close(file);
}

static char *read_self(size_t *size)
{
    struct stat info;
    int file = open("/proc/self/exe", O_RDONLY);
    assert_int_equal(fstat(file, &info), 0);
    *size = (size_t)info.st_size;
    char *bytes = malloc(*size);
    assert_int_equal(read(file, bytes, *size), *size);
    close(file);
    return bytes;
}

static void truncated(void **unused)
{
    size_t size;
    char *bytes = read_self(&size);
    (void)unused;
    for (size_t i = 1; i <= 64; i++)
        write_damaged(bytes, size * i / 65), ask_all(damaged);
    for (size_t i = 0; i < 300; i += 7)
        write_damaged(bytes, i), ask_all(damaged);
    free(bytes);
}

static void write_value(char *bytes, size_t size, size_t place, uint64_t value)
{
    uint64_t was;
    memcpy(&was, bytes + place, sizeof was);
    memcpy(bytes + place, &value, sizeof value);
    write_damaged(bytes, size);
    ask_all(damaged);
    memcpy(bytes + place, &was, sizeof was);
}

/* Overwrites each word of the file's and segments' headers, and many words of sections and tables, with
 * odd values. */
static void overwritten(void **unused)
{
    static const uint64_t values[] = {0, ~0ull, 1, 1ull << 63, 0x7fffffff, 0xfffffff0, 4096};
    const size_t count = sizeof values / sizeof *values;
    size_t size;
    char *bytes = read_self(&size);
    const Elf64_Ehdr *header = (const void *)bytes;
    size_t headers = header->e_phoff + header->e_phnum * sizeof(Elf64_Phdr), sections = header->e_shoff;
    (void)unused;
    for (size_t i = 2 * count; i < headers / 8 * count; i++)
        write_value(bytes, size, i / count * 8, values[i % count]);
    for (size_t i = 0; i < 500; i++)
        write_value(bytes, size, sections + i * 7919 % (size - sections - 8), values[i % count]);
    write_damaged(bytes, size);
    assert_true(ask_all(damaged));
    free(bytes);
}

static int begin(void **unused)
{
    (void)unused;
    dl_iterate_phdr(find_libc, &libc);
    for (size_t i = 0; i < sizeof nowhere; i++)
        nowhere[i] = (unsigned char)(i * i * 37 + 11);
    return mkstemp(damaged) < 0;
}

static int end(void **unused)
{
    (void)unused;
    return unlink(damaged);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(symbols),   cmocka_unit_test(places),      cmocka_unit_test(no_images),
        cmocka_unit_test(truncated), cmocka_unit_test(overwritten),
    };
    return cmocka_run_group_tests(tests, begin, end);
}
