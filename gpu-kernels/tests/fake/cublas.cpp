// cuBLAS as far as it is called, on the host: a plain product of matrices by columns, from the
// definition in the manual: C = alpha op(A) op(B) + beta C, element (i, j) at i + j * ld.
#include <cstdint>
#include <cstring>

static int handle, mode = -1, stream_set, live;
static float number(const void* at, int type, long i) {
    if (type == 0) return ((const float*)at)[i];
    std::uint32_t bits = (std::uint32_t)((const std::uint16_t*)at)[i] << 16;
    float x;
    std::memcpy(&x, &bits, 4);
    return x;
}
extern "C" {
int fake_live() { return live; }
int cublasCreate_v2(void** out) { return *out = &handle, live++, 0; }
int cublasDestroy_v2(void* h) { return live--, h == &handle ? 0 : 1; }
int cublasSetStream_v2(void* h, void* stream) {
    stream_set = stream == (void*)0x5;
    return h == &handle ? 0 : 1;
}
int cublasSetMathMode(void* h, int wanted) { return mode = wanted, h == &handle ? 0 : 1; }
int cublasGetProperty(int which, int* value) {
    const int version[] = {12, 8, 4};
    return *value = version[which], 0;
}
#ifndef OLD
int cublasGemmEx(void* h, int opa, int opb, int m, int n, int k, const float* alpha, const void* a,
                 int atype, int lda, const void* b, int btype, int ldb, const float* beta, void* c,
                 int ctype, int ldc, int sums, int algorithm) {
    if (h != &handle || !stream_set || algorithm != -1 || *alpha != 1 || *beta != 0) return 7;
    // fp32 must not become TF32, nor bf16 be summed in less than fp32.
    const bool pedantic = atype == 0 && sums == 69 && mode == 2;
    const bool full = atype == 14 && sums == 68 && mode == 16;
    if (!(pedantic || full) || btype != atype || ctype != atype) return 15;
    if (lda < (opa ? k : m) || ldb < (opb ? n : k) || ldc < m) return 7;
    for (long i = 0; i < m; i++)
        for (long j = 0; j < n; j++) {
            double sum = 0;
            for (long l = k - 1; l >= 0; l--)
                sum += (double)number(a, atype, opa ? l + i * lda : i + l * lda) *
                       number(b, btype, opb ? j + l * ldb : l + j * ldb);
            const float x = (float)sum;
            if (ctype == 0) {
                ((float*)c)[i + j * ldc] = x;
            } else {
                std::uint32_t bits;
                std::memcpy(&bits, &x, 4);
                bits += 0x7fff + (bits >> 16 & 1);
                ((std::uint16_t*)c)[i + j * ldc] = (std::uint16_t)(bits >> 16);
            }
        }
    return 0;
}
#endif
}
