// The tensor core's product of 16 x 8 x 16 in bf16 with sums in fp32, and what loads its
// operands. Present on every architecture from sm_80 on.
#pragma once
#include "device.cuh"

// d += a b. Lane l holds of d rows l/4 and l/4 + 8, columns 2(l%4) and the next.
DEVICE void multiply_add(float (&d)[4], const u32 (&a)[4], const u32 (&b)[2]) {
#ifdef __CUDACC__
  asm volatile(
      "mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, {%0,%1,%2,%3};"
      : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
      : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
#else
  fibers::tensor_product(d, a, b);
#endif
}

// Four matrices of 8 x 8 from shared memory: lane l names row l % 8 of matrix l / 8.
DEVICE void load_matrices(u32 (&out)[4], const void* row) {
#ifdef __CUDACC__
  u32 at = u32(__cvta_generic_to_shared(row));
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0,%1,%2,%3}, [%4];"
               : "=r"(out[0]), "=r"(out[1]), "=r"(out[2]), "=r"(out[3])
               : "r"(at)
               : "memory");
#else
  fibers::load_matrices(out, row, false);
#endif
}

// The same, each matrix turned.
DEVICE void load_matrices_turned(u32 (&out)[4], const void* row) {
#ifdef __CUDACC__
  u32 at = u32(__cvta_generic_to_shared(row));
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0,%1,%2,%3}, [%4];"
               : "=r"(out[0]), "=r"(out[1]), "=r"(out[2]), "=r"(out[3])
               : "r"(at)
               : "memory");
#else
  fibers::load_matrices(out, row, true);
#endif
}
