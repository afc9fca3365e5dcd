// The Yuma epoch of Bittensor with classic bonds, dense, in the chain's fixed point: what
// mechanisms/src/yuma computes for the same matrix, bit by bit (opentensor/subtensor @ 14bc6f9f,
// epoch/run_epoch.rs). Sums are of integers and cannot overflow, so that their order does not
// matter and atomic additions are exact.
//
//   yuma_rows       sums of the weights of each validator
//   yuma_votes      stakes of validators normalised once more, for the median
//   yuma_consensus  stake-weighted median of each server; weights cut to it; ranks and trust
//   yuma_normalise  ranks to incentives; dividends
//   yuma_bonds      bonds of stake times weight, averaged with the old, normalised; dividends
//
// A block of 256 threads has some columns of servers and all their rows: thread t column
// t % columns and every so-manieth row, so that reads run along rows. What a thread needs again
// it keeps in its own places of shared memory.
#include "yuma.cuh"

// Sum over the threads of a column, given to all of them. `part` has a row for each warp.
DEVICE u64 column_sum(u64 x, u32 columns, u64 (*part)[32]) {
  for (u32 by = 16; by >= columns; by >>= 1) x += __shfl_xor_sync(ALL_LANES, x, by);
  const u32 lane = threadIdx.x & 31, column = threadIdx.x % columns;
  if (lane < columns) part[threadIdx.x >> 5][lane] = x;
  __syncthreads();
  u64 sum = 0;
  for (int w = 0; w < 8; w++) sum += part[w][column];
  __syncthreads();
  return sum;
}
DEVICE u64 column_max(u64 x, u32 columns, u64 (*part)[32]) {
  for (u32 by = 16; by >= columns; by >>= 1) x = max(x, __shfl_xor_sync(ALL_LANES, x, by));
  const u32 lane = threadIdx.x & 31, column = threadIdx.x % columns;
  if (lane < columns) part[threadIdx.x >> 5][lane] = x;
  __syncthreads();
  u64 most = 0;
  for (int w = 0; w < 8; w++) most = max(most, part[w][column]);
  __syncthreads();
  return most;
}

// Sums in fixed point, and what makes quotients by them cheap.
KERNEL __launch_bounds__(256) yuma_rows(const u16* __restrict__ weights, u32 servers, Row* __restrict__ rows) {
  __shared__ u64 part[8];
  const u16* row = weights + u64(blockIdx.x) * servers;
  u64 sum = 0;
  for (u32 j = threadIdx.x; j < servers; j += 256) sum += row[j];
  sum = block_sum(sum, part);
  if (threadIdx.x == 0) {
    const Whole whole = whole_of(sum << 32);
    rows[blockIdx.x].divisor = whole.divisor;
    rows[blockIdx.x].reciprocal = whole.reciprocal;
  }
}

KERNEL __launch_bounds__(256) yuma_consensus(const u16* __restrict__ weights, const Row* __restrict__ rows,
                                             const u64* __restrict__ stake, const u64* __restrict__ votes,
                                             const u64* __restrict__ total, u64 majority, u32 validators,
                                             u32 servers, u32 columns, u64* __restrict__ consensus,
                                             u64* __restrict__ ranks, u64* __restrict__ trust) {
  __shared__ u32 keys[8192];
  __shared__ u64 part[8][32];
  const u32 column = threadIdx.x % columns, lane = threadIdx.x / columns, lanes = 256 / columns;
  const u32 server = blockIdx.x * columns + column;
  u64 most = 0;
  for (u32 r = lane; r < validators; r += lanes) {
    u32 key = 0;
    if (server < servers) {
      const u64 weight = weights[u64(r) * servers + server];
      if (weight) key = key_of(weight_share(rows[r], weight));
    }
    keys[r * columns + column] = key;
    if (votes[r]) most = max(most, u64(key));
  }
  // The least score such that the votes at or below it exceed the minority; the greatest if
  // there is none.
  most = column_max(most, columns, part);
  const u64 minority = *total > majority ? *total - majority : 0;
  u32 low = 0, high = u32(most);
#pragma unroll 1
  for (int step = 0; step < 32; step++) {
    const u32 middle = low + (high - low) / 2;
    u64 below = 0;
    for (u32 r = lane; r < validators; r += lanes)
      if (keys[r * columns + column] <= middle) below += votes[r];
    below = column_sum(below, columns, part);
    if (low < high) {
      if (below > minority) high = middle;
      else low = middle + 1;
    }
  }
  const u32 agreed = low;
  u64 rank = 0;
  for (u32 r = lane; r < validators; r += lanes) {
    const u32 cut = min(keys[r * columns + column], agreed);
    keys[r * columns + column] = cut;
    rank += times(score_of(cut), stake[r]);
  }
  rank = column_sum(rank, columns, part);
  if (lane == 0 && server < servers) consensus[server] = score_of(agreed), ranks[server] = rank;
  __syncthreads();
  // Rows of the tile; each begins elsewhere, so that banks differ.
  for (u32 r = threadIdx.x; r < validators; r += 256) {
    u64 sum = 0;
    for (u32 c = 0; c < columns; c++) sum += score_of(keys[r * columns + (c + r) % columns]);
    if (sum) atomicAdd(&trust[r], sum);
  }
}

KERNEL __launch_bounds__(256) yuma_bonds(const u16* __restrict__ weights, const Row* __restrict__ rows,
                                         const u64* __restrict__ stake, const u64* __restrict__ consensus,
                                         const u64* __restrict__ incentive, u64 penalty, u64 alpha,
                                         u32 validators, u32 servers, u32 columns, u16* __restrict__ bonds,
                                         u64* __restrict__ dividends) {
  __shared__ u64 kept[4096];
  __shared__ u64 part[8][32];
  const u32 column = threadIdx.x % columns, lane = threadIdx.x / columns, lanes = 256 / columns;
  const u32 server = blockIdx.x * columns + column;
  const bool there = server < servers;
  const u64 agreed = there ? consensus[server] : 0;
  u64 new_sum = 0, old_sum = 0;
  for (u32 r = lane; r < validators; r += lanes) {
    u64 bond = 0;
    if (there) {
      const u64 weight = weights[u64(r) * servers + server];
      if (weight) bond = times(for_bonds(weight_share(rows[r], weight), agreed, penalty), stake[r]);
      old_sum += u64(bonds[u64(r) * servers + server]) << 32;
    }
    kept[r * columns + column] = bond;
    new_sum += bond;
  }
  const Whole new_whole = whole_of(column_sum(new_sum, columns, part));
  const Whole old_whole = whole_of(column_sum(old_sum, columns, part));
  u64 sum = 0, most = 0;
  for (u32 r = lane; r < validators; r += lanes) {
    const u64 old = there ? u64(bonds[u64(r) * servers + server]) << 32 : 0;
    const u64 average = times(alpha, share(new_whole, kept[r * columns + column])) +
                        times(ONE - alpha, share(old_whole, old));
    kept[r * columns + column] = average;
    sum += average;
    most = max(most, average);
  }
  const Whole whole = whole_of(column_sum(sum, columns, part));
  const Whole upscale = whole_of(share(whole, column_max(most, columns, part)));
  const u64 earns = there ? incentive[server] : 0;
  for (u32 r = lane; r < validators; r += lanes) {
    const u64 bond = share(whole, kept[r * columns + column]);
    if (there) bonds[u64(r) * servers + server] = u16(share(upscale, bond) * 65535 >> 32);
    kept[r * columns + column] = times(earns, bond);
  }
  __syncthreads();
  for (u32 r = threadIdx.x; r < validators; r += 256) {
    u64 due = 0;
    for (u32 c = 0; c < columns; c++) due += kept[r * columns + (c + r) % columns];
    if (due) atomicAdd(&dividends[r], due);
  }
}
