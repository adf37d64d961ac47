/* A made-up cuDNN (libcudnn.so.9) for the made-up driver: it computes in f32 on the host, one number after the other, and
 * returns an error where its arguments do not fit each other. So the calls of model::kernels::cuda are checked for arithmetic,
 * layouts and sizes, though not against NVIDIA's library.
 *
 *   cc -shared -fPIC -O1 -Wl,-soname,libcudnn.so.9 -o libcudnn.so.9 cudnn.c
 *
 * Signatures and numbers are those of cuDNN 9's headers. Environment:
 *   PRETEND_CUDNN=VERSION   the reported version, 91002 by default
 *   PRETEND_CUDNN_CALLS=FILE  a byte for each call that computes
 *   PRETEND_CUDNN_CLOSED=1    it cannot be opened
 *   PRETEND_CUDNN_FAILS=1     pooling fails
 *   PRETEND_CUDNN_UNFUSED=1   no kernel that convolves, adds the bias and activates in one call
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SUCCESS = 0, BAD_PARAMETER = 2000, NOT_SUPPORTED = 3000 };
enum { FLOAT = 0, BFLOAT16 = 9, NHWC = 1, PRECOMPUTED_GEMM = 1, RELU = 1, MAX = 0 };

/* A descriptor of any kind: number type, sizes, and for a convolution its padding and, third, its stride. */
struct descriptor { int type, format, size[4], other; };

static float read_number(const struct descriptor *of, const void *from, long at) {
    if (of->type == FLOAT) return ((const float *)from)[at];
    unsigned bits = (unsigned)((const unsigned short *)from)[at] << 16;
    float value;
    return memcpy(&value, &bits, 4), value;
}

static void write_number(const struct descriptor *of, void *to, long at, float value) {
    if (of->type == FLOAT) { ((float *)to)[at] = value; return; }
    unsigned bits;
    memcpy(&bits, &value, 4);
    ((unsigned short *)to)[at] = (bits + 0x7fff + (bits >> 16 & 1)) >> 16;
}

static long at(const struct descriptor *of, int n, int c, int h, int w) {
    return (((long)n * of->size[2] + h) * of->size[3] + w) * of->size[1] + c;
}

/* Records a call that computes. Ends the process if nothing orders the call after earlier work of the driver. */
static void called(void) {
    const char *path = getenv("PRETEND_CUDNN_CALLS");
    FILE *file = path ? fopen(path, "a") : NULL;
    if (file) fputc('.', file), fclose(file);
    void *driver = dlopen("libcuda.so.1", RTLD_NOW | RTLD_NOLOAD);
    int *order = driver ? dlsym(driver, "pretend_order") : NULL;
    if (!order) return;
    if (*order != 2 && *order != 3) fprintf(stderr, "made-up cuDNN: computes without waiting for the context (%d)\n", *order), abort();
    *order = 3;
}

size_t cudnnGetVersion(void) { const char *version = getenv("PRETEND_CUDNN"); return version ? atol(version) : 91002; }
size_t cudnnGetCudartVersion(void) { return 13000; }
const char *cudnnGetErrorString(int status) { return status ? "made-up error" : "success"; }
int cudnnCreate(void **handle) { return *handle = malloc(1), getenv("PRETEND_CUDNN_CLOSED") ? 1001 : SUCCESS; }
int cudnnDestroy(void *handle) { return free(handle), SUCCESS; }
int cudnnSetStream(void *handle, void *stream) { return handle && stream ? SUCCESS : BAD_PARAMETER; }

static int make(void **descriptor) { return *descriptor = calloc(1, sizeof(struct descriptor)), SUCCESS; }
int cudnnCreateTensorDescriptor(void **d) { return make(d); }
int cudnnCreateFilterDescriptor(void **d) { return make(d); }
int cudnnCreateConvolutionDescriptor(void **d) { return make(d); }
int cudnnCreateActivationDescriptor(void **d) { return make(d); }
int cudnnCreatePoolingDescriptor(void **d) { return make(d); }

int cudnnSetTensor4dDescriptor(struct descriptor *d, int format, int type, int n, int c, int h, int w) {
    *d = (struct descriptor){type, format, {n, c, h, w}, 0};
    return format == NHWC && n > 0 && c > 0 && h > 0 && w > 0 ? SUCCESS : BAD_PARAMETER;
}

int cudnnSetFilter4dDescriptor(struct descriptor *d, int type, int format, int k, int c, int h, int w) {
    *d = (struct descriptor){type, format, {k, c, h, w}, 0};
    return format == NHWC && h > 0 && h == w ? SUCCESS : BAD_PARAMETER;
}

int cudnnSetConvolution2dDescriptor(struct descriptor *d, int pad_h, int pad_w, int u, int v, int dh, int dw, int mode, int type) {
    *d = (struct descriptor){type, 0, {pad_h, pad_w, u, v}, 0};
    return pad_h == pad_w && u > 0 && u == v && dh == 1 && dw == 1 && mode == 1 && type == FLOAT ? SUCCESS : BAD_PARAMETER;
}

int cudnnSetConvolutionMathType(struct descriptor *d, int math) { return d->other = math, SUCCESS; }
int cudnnSetActivationDescriptor(struct descriptor *d, int mode, int nan, double coef) { return mode == RELU ? SUCCESS : NOT_SUPPORTED; }

int cudnnSetPoolingNdDescriptor(struct descriptor *d, int mode, int nan, int dims, const int *window, const int *pad, const int *stride) {
    int fits = mode == MAX && dims == 2;
    for (int i = 0; i < 2; i++) fits = fits && window[i] == 2 && stride[i] == 2 && pad[i] == 0;
    return fits ? SUCCESS : NOT_SUPPORTED;
}

/* Whether a convolution takes x [n, c, h, w] and filter [k, c, side, side] to y [n, k, rows, columns], all of one number type. */
static int fit(const struct descriptor *x, const struct descriptor *w, const struct descriptor *c, const struct descriptor *y) {
    int fits = x->type == w->type && x->type == y->type && x->size[0] == y->size[0] && x->size[1] == w->size[1] && w->size[0] == y->size[1];
    for (int i = 2; i < 4; i++) fits = fits && y->size[i] == (x->size[i] + 2 * c->size[0] - w->size[2]) / c->size[2] + 1;
    return fits;
}

int cudnnGetConvolutionForwardWorkspaceSize(void *h, struct descriptor *x, struct descriptor *w, struct descriptor *c, struct descriptor *y, int algorithm, size_t *bytes) {
    return *bytes = 256, fit(x, w, c, y) && algorithm == PRECOMPUTED_GEMM ? SUCCESS : NOT_SUPPORTED;
}

int cudnnGetConvolutionBackwardDataWorkspaceSize(void *h, struct descriptor *w, struct descriptor *dy, struct descriptor *c, struct descriptor *dx, int algorithm, size_t *bytes) {
    return *bytes = algorithm == 3 ? (size_t)8 << 30 : 4096, fit(dx, w, c, dy) && algorithm ? SUCCESS : NOT_SUPPORTED;
}

int cudnnGetConvolutionBackwardFilterWorkspaceSize(void *h, struct descriptor *x, struct descriptor *dy, struct descriptor *c, struct descriptor *dw, int algorithm, size_t *bytes) {
    return *bytes = algorithm == 3 ? (size_t)8 << 30 : 4096, fit(x, dw, c, dy) && algorithm ? SUCCESS : NOT_SUPPORTED;
}

/* cudnnConvolutionBwdDataAlgoPerf_t and cudnnConvolutionBwdFilterAlgoPerf_t */
struct ranked { int algorithm, status; float time; size_t memory; int determinism, math, reserved[3]; };

static int rank(int asked, int *count, struct ranked *found) {
    if (asked < 3) return BAD_PARAMETER;
    found[0] = (struct ranked){0, NOT_SUPPORTED, -1, 0, 0, 0, {0}};
    found[1] = (struct ranked){3, SUCCESS, 1, (size_t)8 << 30, 1, 0, {0}};
    found[2] = (struct ranked){1, SUCCESS, 2, 4096, 1, 0, {0}};
    return *count = 3, SUCCESS;
}

int cudnnGetConvolutionBackwardDataAlgorithm_v7(void *h, struct descriptor *w, struct descriptor *dy, struct descriptor *c, struct descriptor *dx, int asked, int *count, struct ranked *found) {
    return fit(dx, w, c, dy) ? rank(asked, count, found) : BAD_PARAMETER;
}

int cudnnGetConvolutionBackwardFilterAlgorithm_v7(void *h, struct descriptor *x, struct descriptor *dy, struct descriptor *c, struct descriptor *dw, int asked, int *count, struct ranked *found) {
    return fit(x, dw, c, dy) ? rank(asked, count, found) : BAD_PARAMETER;
}

/* Calls `body` with every pair of an input and an output pixel that a tap connects. */
#define TAPS(body)                                                                                                          \
    for (int n = 0; n < y_of->size[0]; n++)                                                                                 \
        for (int row = 0; row < y_of->size[2]; row++)                                                                       \
            for (int column = 0; column < y_of->size[3]; column++)                                                          \
                for (int side = w_of->size[2], tap = 0; tap < side * side; tap++) {                                         \
                    int down = row * c->size[2] + tap / side - c->size[0], right = column * c->size[2] + tap % side - c->size[0]; \
                    if (down < 0 || right < 0 || down >= x_of->size[2] || right >= x_of->size[3]) continue;                 \
                    for (int to = 0; to < y_of->size[1]; to++)                                                              \
                        for (int from = 0; from < x_of->size[1]; from++) { body; }                                          \
                }

static long count(const struct descriptor *of) { return (long)of->size[0] * of->size[1] * of->size[2] * of->size[3]; }

static void store(const struct descriptor *of, void *to, const float *values) {
    for (long i = 0; i < count(of); i++) write_number(of, to, i, values[i]);
}

int cudnnConvolutionForward(void *handle, const float *alpha, struct descriptor *x_of, const void *x, struct descriptor *w_of, const void *w, struct descriptor *c,
                            int algorithm, void *workspace, size_t bytes, const float *beta, struct descriptor *y_of, void *y) {
    if (!fit(x_of, w_of, c, y_of) || *alpha != 1 || *beta != 0 || !workspace || bytes < 256) return BAD_PARAMETER;
    float *sums = calloc(count(y_of), sizeof(float));
    TAPS(sums[at(y_of, n, to, row, column)] += read_number(x_of, x, at(x_of, n, from, down, right)) * read_number(w_of, w, ((long)to * w_of->size[2] * w_of->size[2] + tap) * w_of->size[1] + from))
    return store(y_of, y, sums), free(sums), called(), SUCCESS;
}

int cudnnAddTensor(void *handle, const float *alpha, struct descriptor *bias_of, const void *bias, const float *beta, struct descriptor *y_of, void *y) {
    if (*alpha != 1 || *beta != 1 || bias_of->size[1] != y_of->size[1]) return BAD_PARAMETER;
    for (long i = 0; i < count(y_of); i++) write_number(y_of, y, i, read_number(y_of, y, i) + read_number(bias_of, bias, i % y_of->size[1]));
    return called(), SUCCESS;
}

int cudnnActivationForward(void *handle, void *a, const float *alpha, struct descriptor *x_of, const void *x, const float *beta, struct descriptor *y_of, void *y) {
    if (count(x_of) != count(y_of)) return BAD_PARAMETER;
    for (long i = 0; i < count(y_of); i++) { float value = read_number(x_of, x, i); write_number(y_of, y, i, value > 0 ? value : 0); }
    return called(), SUCCESS;
}

int cudnnConvolutionBiasActivationForward(void *handle, const float *alpha, struct descriptor *x_of, const void *x, struct descriptor *w_of, const void *w,
                                          struct descriptor *c, int algorithm, void *workspace, size_t bytes, const float *beta, struct descriptor *z_of,
                                          const void *z, struct descriptor *bias_of, const void *bias, struct descriptor *activation, struct descriptor *y_of, void *y) {
    if (!fit(x_of, w_of, c, y_of) || *alpha != 1 || *beta != 0 || bias_of->size[1] != y_of->size[1] || !workspace || bytes < 256) return BAD_PARAMETER;
    if (getenv("PRETEND_CUDNN_UNFUSED")) return NOT_SUPPORTED + 7;
    float *sums = malloc(count(y_of) * sizeof(float));
    for (long i = 0; i < count(y_of); i++) sums[i] = read_number(bias_of, bias, i % y_of->size[1]);
    TAPS(sums[at(y_of, n, to, row, column)] += read_number(x_of, x, at(x_of, n, from, down, right)) * read_number(w_of, w, ((long)to * w_of->size[2] * w_of->size[2] + tap) * w_of->size[1] + from))
    for (long i = 0; i < count(y_of); i++) sums[i] = sums[i] > 0 ? sums[i] : 0;
    return store(y_of, y, sums), free(sums), called(), SUCCESS;
}

int cudnnPoolingForward(void *handle, void *p, const float *alpha, struct descriptor *x_of, const void *x, const float *beta, struct descriptor *y_of, void *y) {
    if (getenv("PRETEND_CUDNN_FAILS")) return BAD_PARAMETER;
    if (x_of->size[2] / 2 != y_of->size[2] || x_of->size[3] / 2 != y_of->size[3] || x_of->size[1] != y_of->size[1]) return BAD_PARAMETER;
    for (int n = 0; n < y_of->size[0]; n++)
        for (int h = 0; h < y_of->size[2]; h++)
            for (int w = 0; w < y_of->size[3]; w++)
                for (int c = 0; c < y_of->size[1]; c++) {
                    float most = -1e30f;
                    for (int i = 0; i < 4; i++) {
                        float value = read_number(x_of, x, at(x_of, n, c, 2 * h + i / 2, 2 * w + i % 2));
                        most = value > most ? value : most;
                    }
                    write_number(y_of, y, at(y_of, n, c, h, w), most);
                }
    return called(), SUCCESS;
}

int cudnnConvolutionBackwardFilter(void *handle, const float *alpha, struct descriptor *x_of, const void *x, struct descriptor *y_of, const void *dy,
                                   struct descriptor *c, int algorithm, void *workspace, size_t bytes, const float *beta, struct descriptor *w_of, void *dw) {
    if (!fit(x_of, w_of, c, y_of) || algorithm != 1 || !workspace || bytes < 4096) return BAD_PARAMETER;
    float *sums = calloc(count(w_of), sizeof(float));
    TAPS(sums[((long)to * w_of->size[2] * w_of->size[2] + tap) * w_of->size[1] + from] += read_number(x_of, x, at(x_of, n, from, down, right)) * read_number(y_of, dy, at(y_of, n, to, row, column)))
    return store(w_of, dw, sums), free(sums), called(), SUCCESS;
}

int cudnnConvolutionBackwardData(void *handle, const float *alpha, struct descriptor *w_of, const void *w, struct descriptor *y_of, const void *dy,
                                 struct descriptor *c, int algorithm, void *workspace, size_t bytes, const float *beta, struct descriptor *x_of, void *dx) {
    if (!fit(x_of, w_of, c, y_of) || algorithm != 1 || !workspace || bytes < 4096) return BAD_PARAMETER;
    float *sums = calloc(count(x_of), sizeof(float));
    TAPS(sums[at(x_of, n, from, down, right)] += read_number(w_of, w, ((long)to * w_of->size[2] * w_of->size[2] + tap) * w_of->size[1] + from) * read_number(y_of, dy, at(y_of, n, to, row, column)))
    return store(x_of, dx, sums), free(sums), called(), SUCCESS;
}
