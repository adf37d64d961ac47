/* A run-time compiler (libnvrtc.so.13) with a cache: known programs come from a folder, others from NVIDIA's compiler.
 * burn's keys of kernels contain type ids of its crates, which change with any feature of any of them. The source of a
 * kernel does not change.
 *
 *   cc -shared -fPIC -O1 -Wl,-soname,libnvrtc.so.13 -o libnvrtc.so.13 remember.c -ldl
 *
 * Environment:
 *   REMEMBER_FOLDER     a file for each program, named after its source
 *   REMEMBER_COMPILER   NVIDIA's libnvrtc.so.13; without it an unknown program compiles to its name
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct program { char *source; void *real; char *module; size_t size; };

static void *compiler(void) {
    static void *library;
    const char *path = getenv("REMEMBER_COMPILER");
    if (!library && path) library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (!library && path) fprintf(stderr, "remember: %s\n", dlerror());
    return library;
}

#define ASK(name, ...) ((int (*)())dlsym(compiler(), name))(__VA_ARGS__)

/* FNV-1a (Fowler, Noll and Vo), with another start for the second half */
struct hash { uint64_t halves[2]; };

static struct hash begin(void) { return (struct hash){{14695981039346656037u, 0x9e3779b97f4a7c15u}}; }

static void mix(struct hash *hash, const char *text, size_t length) {
    for (size_t i = 0; i < length; i++)
        for (int half = 0; half < 2; half++)
            hash->halves[half] = (hash->halves[half] ^ (unsigned char)text[i] ^ half * 0x5a) * 1099511628211u;
}

/* Adds a line to those whose order is irrelevant. */
static void add(struct hash *sum, const char *text, size_t length) {
    struct hash line = begin();
    mix(&line, text, length);
    mix(&line, "\n", 1);
    for (int half = 0; half < 2; half++) sum->halves[half] += line.halves[half] * (line.halves[half] >> 7 | 1);
}

/* Whether a line is a type and a name, such as "uint32 l_mut_0;" and "float_2 l_arr_83[2];". */
static int declares(const char *line, size_t length) {
    const char *space = memchr(line, ' ', length);
    return space && line[length - 1] == ';' && !memchr(space + 1, ' ', line + length - space - 1) &&
           !memchr(line, '(', length) && !memchr(line, '=', length);
}

/* Returns the identity of a source. Each process of burn orders declarations and arrays in shared memory differently, so
 * their order and offsets are ignored. The total size counts, because a launch requests it. */
static struct hash known_by(const char *source) {
    struct hash in_order = begin(), sum = begin();
    long bytes = 0, most = 0;
    int declarations = 1;
    for (const char *line = source, *end; *line; line = *end ? end + 1 : end) {
        end = strchrnul(line, '\n');
        size_t length = end - line;
        const char *place = memmem(line, length, "dynamic_shared_mem[", 19);
        if (memmem(line, length, "__global__", 10)) declarations = 0;
        if (length > 10 && !memcmp(line, "// Shared ", 10)) {
            /* The last number of "// Shared array size: 256, 4096 bytes" and of "// Shared value size: 8 bytes" */
            const char *comma = memchr(line, ',', length), *colon = memchr(line, ':', length);
            bytes = comma ? atol(comma + 1) : colon ? atol(colon + 1) : 0;
            add(&sum, line, length);
        } else if (place && memmem(line, length, "reinterpret_cast", 16)) {
            long last = atol(place + 19) + bytes;
            most = last > most ? last : most;
            add(&sum, line, place - line);
        } else if (declares(line, length)) {
            add(&sum, line, length);
        } else if (declarations) {
            add(&sum, line, length);
        } else {
            mix(&in_order, line, length);
            mix(&in_order, "\n", 1);
        }
    }
    mix(&in_order, (const char *)&sum, sizeof sum);
    mix(&in_order, (const char *)&most, sizeof most);
    return in_order;
}

static void path_of(const struct program *program, int count, const char **options, char *name, char *path,
                    size_t room) {
    struct hash hash = known_by(program->source);
    for (int i = 0; i < count; i++)
        /* The headers' folder differs between machines. */
        if (strncmp(options[i], "--include-path", 14)) mix(&hash, options[i], strlen(options[i]) + 1);
    snprintf(name, 40, "%016llx%016llx", (unsigned long long)hash.halves[0], (unsigned long long)hash.halves[1]);
    snprintf(path, room, "%s/%s", getenv("REMEMBER_FOLDER"), name);
}

static void keep(const char *path, const struct program *program) {
    char aside[4096];
    snprintf(aside, sizeof aside, "%s.%d", path, (int)getpid());
    FILE *file = fopen(aside, "w");
    if (!file) return;
    int whole = fwrite(program->module, 1, program->size, file) == program->size;
    if (fclose(file) == 0 && whole) rename(aside, path);
}

int nvrtcVersion(int *major, int *minor) {
    return compiler() ? ASK("nvrtcVersion", major, minor) : (*major = 13, *minor = 0, 0);
}

int nvrtcCreateProgram(void **program, const char *source, const char *name, int headers, const char **texts,
                       const char **names) {
    struct program *made = calloc(1, sizeof *made);
    made->source = strdup(source);
    return *program = made, 0;
}

int nvrtcCompileProgram(struct program *program, int count, const char **options) {
    char name[40], path[4096];
    path_of(program, count, options, name, path, sizeof path);
    FILE *file = fopen(path, "r");
    if (file) {
        fseek(file, 0, SEEK_END);
        program->size = ftell(file);
        rewind(file);
        program->module = malloc(program->size + 1);
        int whole = fread(program->module, 1, program->size, file) == program->size;
        fclose(file);
        if (whole) return 0;
    }
    if (!compiler()) {
        program->module = malloc(sizeof name + 1);
        program->size = snprintf(program->module, sizeof name + 1, "%s\n", name) + 1;
        return 0;
    }
    int error = ASK("nvrtcCreateProgram", &program->real, program->source, NULL, 0, NULL, NULL);
    if (!error) error = ASK("nvrtcCompileProgram", program->real, count, options);
    if (!error) error = ASK("nvrtcGetPTXSize", program->real, &program->size);
    if (error) return error;
    program->module = malloc(program->size);
    error = ASK("nvrtcGetPTX", program->real, program->module);
    if (!error) keep(path, program);
    return error;
}

int nvrtcGetPTXSize(struct program *program, size_t *size) { return *size = program->size, 0; }
int nvrtcGetPTX(struct program *program, char *text) { return memcpy(text, program->module, program->size), 0; }

int nvrtcGetProgramLogSize(struct program *program, size_t *size) {
    return program->real ? ASK("nvrtcGetProgramLogSize", program->real, size) : (*size = 1, 0);
}

int nvrtcGetProgramLog(struct program *program, char *text) {
    return program->real ? ASK("nvrtcGetProgramLog", program->real, text) : (*text = 0, 0);
}

int nvrtcDestroyProgram(struct program **program) {
    struct program *gone = *program;
    if (gone->real) ASK("nvrtcDestroyProgram", &gone->real);
    return free(gone->source), free(gone->module), free(gone), 0;
}

const char *nvrtcGetErrorString(int error) { return error ? "the program does not compile" : "success"; }
