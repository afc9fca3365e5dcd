// CUDA's execution model on a CPU: one fiber a thread, one block at a time.
//
// A fiber runs until it waits at a barrier, and only then does the next one run: the schedule
// furthest from lockstep that the model allows, so that a missing barrier shows. The order in
// which fibers and blocks take their turns is the caller's choice; a correct kernel gives the
// same bits in every order. Shared memory is filled with 0xA5 before each block, asynchronous
// copies happen only when they are waited for, and a barrier that not all threads reach ends
// the launch with a message.
//
// Nothing here says anything about speed.
#pragma once
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <utility>

struct uint2 { unsigned x, y; };
struct uint3 { unsigned x, y, z; };
struct alignas(16) uint4 { unsigned x, y, z, w; };
struct alignas(16) float4 { float x, y, z, w; };
struct float2 { float x, y; };
static inline uint4 make_uint4(unsigned x, unsigned y, unsigned z, unsigned w) { return {x, y, z, w}; }
static inline float4 make_float4(float x, float y, float z, float w) { return {x, y, z, w}; }

#define __global__
#define __device__
#define __host__
#define __restrict__ __restrict
#define __forceinline__ inline __attribute__((always_inline))
#define __noinline__ __attribute__((noinline))
#define __launch_bounds__(...)
#define __constant__ static const
#define __align__(n) __attribute__((aligned(n)))
// All shared variables of a file lie in one section, whose bounds the linker knows.
#define __shared__ __attribute__((section("arable_shared"))) static
extern "C" char __start_arable_shared[] __attribute__((weak));
extern "C" char __stop_arable_shared[] __attribute__((weak));

namespace fibers {

constexpr size_t STACK = 64 * 1024;
constexpr unsigned MOST_THREADS = 1024;
enum State : uint8_t { READY, AT_BLOCK, AT_WARP, DONE };

// A copy that was asked for and not yet waited for.
struct Copy { void* to; const void* from; unsigned bytes, kept, group; };
constexpr unsigned MOST_COPIES = 64;

struct Fiber {
  void* stack_top;
  uint3 thread;
  unsigned index, mask, turn;
  State state;
  unsigned copies, groups;
  Copy copy[MOST_COPIES];
};

static Fiber fiber[MOST_THREADS];
static uint64_t slot[2][MOST_THREADS];
static unsigned order_of[MOST_THREADS];
static char* stacks;
static Fiber* self;
static uint3 block_index, block_size, grid_size;
static unsigned threads;
static void* scheduler_top;
static void (*body)(void**);
static void** arguments;
static char message[256];

extern "C" void fibers_switch(void** save, void* load);
#if defined(__x86_64__)
// What a callee must keep, and the stack: nothing else survives a call anyway.
asm(R"(
.text
.globl fibers_switch
.hidden fibers_switch
.type fibers_switch,@function
fibers_switch:
  pushq %rbp
  pushq %rbx
  pushq %r12
  pushq %r13
  pushq %r14
  pushq %r15
  movq %rsp, (%rdi)
  movq %rsi, %rsp
  popq %r15
  popq %r14
  popq %r13
  popq %r12
  popq %rbx
  popq %rbp
  ret
.size fibers_switch,.-fibers_switch
)");
constexpr int SAVED = 6;
#elif defined(__aarch64__)
asm(R"(
.text
.globl fibers_switch
.hidden fibers_switch
.type fibers_switch,%function
fibers_switch:
  sub sp, sp, #160
  stp x19, x20, [sp, #0]
  stp x21, x22, [sp, #16]
  stp x23, x24, [sp, #32]
  stp x25, x26, [sp, #48]
  stp x27, x28, [sp, #64]
  stp x29, x30, [sp, #80]
  stp d8, d9, [sp, #96]
  stp d10, d11, [sp, #112]
  stp d12, d13, [sp, #128]
  stp d14, d15, [sp, #144]
  mov x9, sp
  str x9, [x0]
  mov sp, x1
  ldp x19, x20, [sp, #0]
  ldp x21, x22, [sp, #16]
  ldp x23, x24, [sp, #32]
  ldp x25, x26, [sp, #48]
  ldp x27, x28, [sp, #64]
  ldp x29, x30, [sp, #80]
  ldp d8, d9, [sp, #96]
  ldp d10, d11, [sp, #112]
  ldp d12, d13, [sp, #128]
  ldp d14, d15, [sp, #144]
  add sp, sp, #160
  ret
.size fibers_switch,.-fibers_switch
)");
#else
#error "fibers run on x86-64 and aarch64"
#endif

__attribute__((noinline)) static void wait(State state) {
  self->state = state;
  fibers_switch(&self->stack_top, scheduler_top);
}

static void entry() {
  body(arguments);
  wait(DONE);
  __builtin_trap();
}

static void prepare(Fiber& f, unsigned i) {
  f.index = i;
  f.thread = {i % block_size.x, i / block_size.x % block_size.y, i / (block_size.x * block_size.y)};
  f.state = READY;
  f.turn = f.copies = f.groups = 0;
  void** top = (void**)(stacks + STACK * (i + 1));
#if defined(__x86_64__)
  *--top = nullptr;
  *--top = (void*)entry;
  for (int k = 0; k < SAVED; k++) *--top = nullptr;
#else
  top -= 20;
  memset(top, 0, 160);
  top[11] = (void*)entry;
#endif
  f.stack_top = top;
}

// Lets the lanes of a warp go on if it has arrived in full. Lanes that are done are not waited for.
static bool release_warp(unsigned base) {
  unsigned lanes = threads - base < 32 ? threads - base : 32, arrived = 0, wanted = 0;
  for (unsigned l = 0; l < lanes; l++) {
    Fiber& f = fiber[base + l];
    if (f.state == AT_WARP) arrived |= 1u << l, wanted |= f.mask;
  }
  for (unsigned l = 0; l < 32; l++)
    if (l >= lanes || fiber[base + l].state == DONE) wanted &= ~(1u << l);
  if (arrived == 0 || (wanted & ~arrived) != 0) return false;
  for (unsigned l = 0; l < lanes; l++)
    if (arrived >> l & 1) fiber[base + l].state = READY;
  return true;
}

static uint64_t random_state;
static unsigned random_below(unsigned n) {
  random_state = random_state * 6364136223846793005u + 1442695040888963407u;
  return unsigned((random_state >> 33) % n);
}

// 0: ascending; 1: descending; else shuffled by that seed.
static void arrange(unsigned* list, unsigned n, unsigned order) {
  for (unsigned i = 0; i < n; i++) list[i] = order == 1 ? n - 1 - i : i;
  if (order > 1)
    for (unsigned i = n; i > 1; i--) {
      unsigned j = random_below(i), t = list[i - 1];
      list[i - 1] = list[j];
      list[j] = t;
    }
}

static int run_block(unsigned order) {
  char* shared = __start_arable_shared;
  if (shared) memset(shared, 0xA5, size_t(__stop_arable_shared - shared));
  for (unsigned i = 0; i < threads; i++) prepare(fiber[i], i);
  arrange(order_of, threads, order);
  unsigned first = 0;
  for (unsigned done = 0; done < threads;) {
    if (order > 1) first = random_below(threads);
    for (unsigned q = 0; q < threads; q++) {
      Fiber& f = fiber[order_of[q + first < threads ? q + first : q + first - threads]];
      if (f.state != READY) continue;
      self = &f;
      fibers_switch(&scheduler_top, f.stack_top);
      done += f.state == DONE;
      // A warp runs ahead of all others as far as it can: these must not rely on its steps.
      if (f.state == AT_WARP && release_warp(f.index & ~31u)) q = ~0u;
    }
    bool any = false;
    for (unsigned base = 0; base < threads; base += 32) any |= release_warp(base);
    if (any || done == threads) continue;
    unsigned waiting = 0;
    for (unsigned i = 0; i < threads; i++) waiting += fiber[i].state == AT_BLOCK;
    if (waiting + done != threads || done > 0) {
      snprintf(message, sizeof message,
               "block (%u, %u, %u): %u of %u threads wait at __syncthreads, %u have ended",
               block_index.x, block_index.y, block_index.z, waiting, threads, done);
      return 1;
    }
    for (unsigned i = 0; i < threads; i++) fiber[i].state = READY;
  }
  return 0;
}

template <class... A, size_t... I>
static void call_with(void (*kernel)(A...), void** args, std::index_sequence<I...>) {
  kernel(*(A*)args[I]...);
}
template <class... A>
static void call(void (*kernel)(A...), void** args) {
  call_with(kernel, args, std::index_sequence_for<A...>());
}

// A value from each lane of the warp. Two sets of slots take turns, so that one barrier an
// exchange suffices: nobody writes to a set before all have read it.
static inline uint64_t* exchange(unsigned mask, uint64_t value) {
  uint64_t* slots = slot[self->turn++ & 1];
  slots[self->index] = value;
  self->mask = mask;
  wait(AT_WARP);
  return slots + (self->index & ~31u);
}
template <class T>
static inline T shuffle(unsigned mask, T value, unsigned from) {
  static_assert(sizeof(T) <= 8, "one slot a lane");
  uint64_t bits = 0;
  memcpy(&bits, &value, sizeof value);
  uint64_t* lanes = exchange(mask, bits);
  memcpy(&value, &lanes[from & 31], sizeof value);
  return value;
}

// What a lane brings to the tensor core's product of 16 x 8 x 16.
struct Fragment { unsigned a[4], b[2]; };
static Fragment fragment[2][MOST_THREADS];

static inline float bf16_half(unsigned pair, unsigned high) {
  unsigned bits = high ? pair & 0xffff0000u : pair << 16;
  float x;
  memcpy(&x, &bits, 4);
  return x;
}

// mma.m16n8k16 by its fragments (PTX ISA, "Matrix fragments for mma.m16n8k16"): the reference
// for what lane holds what. Sums in double precision; a tensor core's order is its own.
static inline void tensor_product(float (&d)[4], const unsigned (&a)[4], const unsigned (&b)[2]) {
  Fragment* lanes = fragment[self->turn++ & 1];
  Fragment& mine = lanes[self->index];
  memcpy(mine.a, a, 16);
  memcpy(mine.b, b, 8);
  self->mask = ~0u;
  wait(AT_WARP);
  lanes += self->index & ~31u;
  const unsigned lane = self->index & 31;
  for (unsigned i = 0; i < 4; i++) {
    const unsigned row = lane / 4 + 8 * (i >> 1), column = lane % 4 * 2 + (i & 1);
    double sum = d[i];
    for (unsigned k = 0; k < 16; k++) {
      const unsigned from = k % 8 / 2;
      const Fragment& left = lanes[row % 8 * 4 + from];
      const Fragment& right = lanes[column * 4 + from];
      sum += double(bf16_half(left.a[(row >> 3) + 2 * (k >> 3)], k & 1)) * bf16_half(right.b[k >> 3], k & 1);
    }
    d[i] = float(sum);
  }
}

// ldmatrix.x4: lane l names row l % 8 of matrix l / 8; a lane receives two neighbours of a row
// of each matrix, or of a column if turned.
static inline void load_matrices(unsigned (&out)[4], const void* row, bool turned) {
  uint64_t* lanes = exchange(~0u, (uint64_t)row);
  const unsigned lane = self->index & 31;
  for (unsigned j = 0; j < 4; j++) {
    uint16_t pair[2];
    for (unsigned h = 0; h < 2; h++) {
      const unsigned r = turned ? lane % 4 * 2 + h : lane / 4, c = turned ? lane / 4 : lane % 4 * 2 + h;
      pair[h] = ((const uint16_t*)lanes[8 * j + r])[c];
    }
    out[j] = pair[0] | unsigned(pair[1]) << 16;
  }
}

static inline void copy_later(void* to, const void* from, unsigned bytes, unsigned kept) {
  if (self->copies == MOST_COPIES) {
    fputs("fibers: more asynchronous copies in flight than MOST_COPIES\n", stderr);
    abort();
  }
  self->copy[self->copies++] = {to, from, bytes, kept, self->groups};
}
// Carries out all groups but the newest `pending`.
static inline void finish_copies(unsigned pending) {
  unsigned left = 0;
  for (unsigned i = 0; i < self->copies; i++) {
    Copy c = self->copy[i];
    if (c.group + pending < self->groups) {
      memcpy(c.to, c.from, c.kept);
      memset((char*)c.to + c.kept, 0, c.bytes - c.kept);
    } else {
      self->copy[left++] = c;
    }
  }
  self->copies = left;
}

}  // namespace fibers

// Runs a whole grid. 0, or 1 with a message.
extern "C" int fibers_launch(void (*thunk)(void**), const unsigned* grid, const unsigned* block,
                             void** args, unsigned order) {
  using namespace fibers;
  if (!stacks) {
    void* p = mmap(nullptr, STACK * MOST_THREADS, PROT_READ | PROT_WRITE,
                   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (p == MAP_FAILED) { snprintf(message, sizeof message, "no memory for stacks"); return 1; }
    stacks = (char*)p;
  }
  grid_size = {grid[0], grid[1], grid[2]};
  block_size = {block[0], block[1], block[2]};
  threads = block[0] * block[1] * block[2];
  if (threads == 0 || threads > MOST_THREADS) {
    snprintf(message, sizeof message, "a block of %u threads, from 1 to 1024 are possible", threads);
    return 1;
  }
  body = thunk;
  arguments = args;
  random_state = order;
  unsigned blocks = grid[0] * grid[1] * grid[2];
  unsigned* turns = (unsigned*)malloc(sizeof(unsigned) * blocks);
  arrange(turns, blocks, order);
  int bad = 0;
  for (unsigned q = 0; q < blocks && !bad; q++) {
    unsigned b = turns[q];
    block_index = {b % grid[0], b / grid[0] % grid[1], b / (grid[0] * grid[1])};
    bad = run_block(order);
  }
  free(turns);
  return bad;
}
extern "C" const char* fibers_message() { return fibers::message; }

#define threadIdx (fibers::self->thread)
#define blockIdx (fibers::block_index)
#define blockDim (fibers::block_size)
#define gridDim (fibers::grid_size)

static inline void __syncthreads() { fibers::wait(fibers::AT_BLOCK); }
static inline void __syncwarp(unsigned mask = ~0u) { fibers::self->mask = mask; fibers::wait(fibers::AT_WARP); }
template <class T> static inline T __shfl_sync(unsigned m, T v, int from) { return fibers::shuffle(m, v, unsigned(from)); }
template <class T> static inline T __shfl_xor_sync(unsigned m, T v, int by) { return fibers::shuffle(m, v, (fibers::self->index & 31) ^ unsigned(by)); }
template <class T> static inline T __shfl_up_sync(unsigned m, T v, unsigned by) { unsigned l = fibers::self->index & 31; return fibers::shuffle(m, v, l >= by ? l - by : l); }
template <class T> static inline T __shfl_down_sync(unsigned m, T v, unsigned by) { unsigned l = fibers::self->index & 31; return fibers::shuffle(m, v, l + by < 32 ? l + by : l); }
static inline unsigned __ballot_sync(unsigned m, int p) {
  uint64_t* lanes = fibers::exchange(m, p != 0);
  unsigned base = fibers::self->index & ~31u, bits = 0;
  for (unsigned l = 0; l < 32; l++)
    if ((m >> l & 1) && base + l < fibers::threads) bits |= unsigned(lanes[l]) << l;
  return bits;
}
template <class T> static inline T atomicAdd(T* p, T v) { T old = *p; *p = old + v; return old; }
template <class T> static inline T atomicMax(T* p, T v) { T old = *p; *p = old > v ? old : v; return old; }
static inline int __popc(unsigned x) { return __builtin_popcount(x); }
static inline int __clz(int x) { return x ? __builtin_clz(unsigned(x)) : 32; }
static inline int __clzll(long long x) { return x ? __builtin_clzll((unsigned long long)x) : 64; }
static inline unsigned long long __umul64hi(unsigned long long a, unsigned long long b) {
  return (unsigned long long)(((unsigned __int128)a * b) >> 64);
}
static inline unsigned __float_as_uint(float x) { unsigned u; memcpy(&u, &x, 4); return u; }
static inline float __uint_as_float(unsigned u) { float x; memcpy(&x, &u, 4); return x; }
static inline unsigned __byte_perm(unsigned a, unsigned b, unsigned s) {
  uint64_t bytes = uint64_t(b) << 32 | a;
  unsigned out = 0;
  for (int i = 0; i < 4; i++) out |= unsigned(bytes >> (8 * (s >> (4 * i) & 7)) & 0xff) << (8 * i);
  return out;
}
static inline unsigned __funnelshift_l(unsigned lo, unsigned hi, unsigned n) {
  n &= 31;
  return n ? hi << n | lo >> (32 - n) : hi;
}
template <class T> static inline T __ldg(const T* p) { return *p; }
template <class T> static inline T min(T a, T b) { return b < a ? b : a; }
template <class T> static inline T max(T a, T b) { return a < b ? b : a; }
