/* A made-up run-time compiler (libnvrtc.so.13) for the made-up driver: it compiles every program to an empty one.
 *
 *   cc -shared -fPIC -O1 -Wl,-soname,libnvrtc.so.13 -o libnvrtc.so.13 compiler.c
 *
 * Environment:
 *   PRETEND_COMPILED=FILE      a byte for each program that was compiled
 *   PRETEND_COMPILER=MMmm      the reported version, major and minor (1300)
 *   PRETEND_MILLISECONDS=N     the time for each program
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char PTX[] = "// nothing\n", LOG[] = "";

static long number(const char *name, long otherwise) {
    const char *value = getenv(name);
    return value ? atol(value) : otherwise;
}

int nvrtcVersion(int *major, int *minor) {
    long version = number("PRETEND_COMPILER", 1300);
    return *major = version / 100, *minor = version % 100, 0;
}

int nvrtcCreateProgram(void **program, const char *source, const char *name, int headers, const char **texts, const char **names) {
    return *program = malloc(1), 0;
}

int nvrtcCompileProgram(void *program, int count, const char **options) {
    const char *path = getenv("PRETEND_COMPILED");
    FILE *file = path ? fopen(path, "a") : NULL;
    if (file) fputc('.', file), fclose(file);
    usleep(1000 * number("PRETEND_MILLISECONDS", 0));
    return 0;
}

int nvrtcGetPTXSize(void *program, size_t *size) { return *size = sizeof PTX, 0; }
int nvrtcGetPTX(void *program, char *text) { return memcpy(text, PTX, sizeof PTX), 0; }
int nvrtcGetProgramLogSize(void *program, size_t *size) { return *size = sizeof LOG, 0; }
int nvrtcGetProgramLog(void *program, char *text) { return memcpy(text, LOG, sizeof LOG), 0; }
int nvrtcDestroyProgram(void **program) { return free(*program), 0; }
const char *nvrtcGetErrorString(int error) { return "made up"; }
