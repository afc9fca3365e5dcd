// The Yuma epoch of yuma.cu over lists: each server names the validators that weigh it, rows
// ascending, and those that hold bonds in it. A weight that is not listed is zero.
//
//   yuma_sparse_rows       sums of the weights of each validator
//   yuma_sparse_divisors   what makes quotients by them cheap
//   yuma_normalise         votes; ranks to incentives; dividends
//   yuma_sparse_consensus  a warp a server: median, weights cut to it, rank, trust
//   yuma_sparse_bonds      a warp a server: bonds over the validators of either list
//
// Additions to validators' sums are of integers: exact in any order.
#include "yuma.cuh"

// A list by servers: server s has the cells from start[s] to start[s + 1].
KERNEL __launch_bounds__(256) yuma_sparse_rows(const u32* __restrict__ rows, const u16* __restrict__ weights,
                                               u32 cells, u64* __restrict__ sums) {
  const u32 i = blockIdx.x * 256 + threadIdx.x;
  if (i < cells) atomicAdd(&sums[rows[i]], u64(weights[i]) << 32);
}

KERNEL __launch_bounds__(256) yuma_sparse_divisors(const u64* __restrict__ sums, Row* __restrict__ divisors, u32 n) {
  const u32 i = blockIdx.x * 256 + threadIdx.x;
  if (i >= n) return;
  const Whole whole = whole_of(sums[i]);
  divisors[i].divisor = whole.divisor;
  divisors[i].reciprocal = whole.reciprocal;
}

KERNEL __launch_bounds__(256) yuma_sparse_consensus(const u32* __restrict__ start, const u32* __restrict__ rows,
                                                    const u16* __restrict__ weights, const Row* __restrict__ divisors,
                                                    const u64* __restrict__ stake, const u64* __restrict__ votes,
                                                    const u64* __restrict__ total, u64 majority, u32 servers,
                                                    u32* __restrict__ keys, u64* __restrict__ consensus,
                                                    u64* __restrict__ ranks, u64* __restrict__ trust) {
  const u32 server = blockIdx.x * 8 + (threadIdx.x >> 5), lane = threadIdx.x & 31;
  if (server >= servers) return;
  const u32 begin = start[server], end = start[server + 1];
  u64 listed = 0;
  u32 most = 0;
  for (u32 i = begin + lane; i < end; i += 32) {
    const u32 row = rows[i];
    const u32 key = key_of(weight_share(divisors[row], weights[i]));
    keys[i] = key;
    listed += votes[row];
    if (votes[row]) most = max(most, key);
  }
  listed = warp_sum(listed);
  most = warp_max(most);
  // Those that do not list the server give it zero, below all else.
  const u64 unlisted = *total - listed;
  const u64 minority = *total > majority ? *total - majority : 0;
  u32 low = 0, high = unlisted > minority ? 0 : most;
#pragma unroll 1
  while (low < high) {
    const u32 middle = low + (high - low) / 2;
    u64 below = 0;
    for (u32 i = begin + lane; i < end; i += 32)
      if (keys[i] <= middle) below += votes[rows[i]];
    below = warp_sum(below) + unlisted;
    if (below > minority) high = middle;
    else low = middle + 1;
  }
  u64 rank = 0;
  for (u32 i = begin + lane; i < end; i += 32) {
    const u64 cut = score_of(min(keys[i], low));
    rank += times(cut, stake[rows[i]]);
    if (cut) atomicAdd(&trust[rows[i]], cut);
  }
  rank = warp_sum(rank);
  if (lane == 0) consensus[server] = score_of(low), ranks[server] = rank;
}

// Where a row stands in an ascending list, or its end.
DEVICE u32 find(const u32* rows, u32 begin, u32 end, u32 row) {
  const u32 none = end;
  while (begin < end) {
    const u32 middle = begin + (end - begin) / 2;
    if (rows[middle] < row) begin = middle + 1;
    else end = middle;
  }
  return begin < none && rows[begin] == row ? begin : none;
}

// Server s has its cells of `out` from start[s] + old_start[s] on: first those of its weights,
// then those of its old bonds; a row in both stands among the first, and its second place says
// NOBODY.
#define NOBODY 0xffffffffu
KERNEL __launch_bounds__(256) yuma_sparse_bonds(const u32* __restrict__ start, const u32* __restrict__ rows,
                                                const u32* __restrict__ keys, const u32* __restrict__ old_start,
                                                const u32* __restrict__ old_rows, const u16* __restrict__ old_bonds,
                                                const u64* __restrict__ stake, const u64* __restrict__ consensus,
                                                const u64* __restrict__ incentive, u64 penalty, u64 alpha,
                                                u32 servers, u64* __restrict__ averages, u32* __restrict__ out_rows,
                                                u16* __restrict__ out_bonds, u64* __restrict__ dividends) {
  const u32 server = blockIdx.x * 8 + (threadIdx.x >> 5), lane = threadIdx.x & 31;
  if (server >= servers) return;
  const u32 begin = start[server], end = start[server + 1];
  const u32 old_begin = old_start[server], old_end = old_start[server + 1];
  const u32 out = begin + old_begin, count = end - begin, all = count + old_end - old_begin;
  const u64 agreed = consensus[server];
  u64 new_sum = 0, old_sum = 0;
  for (u32 i = begin + lane; i < end; i += 32)
    new_sum += times(for_bonds(score_of(keys[i]), agreed, penalty), stake[rows[i]]);
  for (u32 i = old_begin + lane; i < old_end; i += 32) old_sum += u64(old_bonds[i]) << 32;
  const Whole new_whole = whole_of(warp_sum(new_sum)), old_whole = whole_of(warp_sum(old_sum));
  u64 sum = 0, most = 0;
  for (u32 c = lane; c < all; c += 32) {
    u64 fresh = 0, old = 0;
    u32 row;
    if (c < count) {
      row = rows[begin + c];
      fresh = times(for_bonds(score_of(keys[begin + c]), agreed, penalty), stake[row]);
      const u32 at = find(old_rows, old_begin, old_end, row);
      if (at < old_end) old = u64(old_bonds[at]) << 32;
    } else {
      row = old_rows[old_begin + c - count];
      if (find(rows, begin, end, row) < end) row = NOBODY;
      else old = u64(old_bonds[old_begin + c - count]) << 32;
    }
    const u64 average = times(alpha, share(new_whole, fresh)) + times(ONE - alpha, share(old_whole, old));
    out_rows[out + c] = row;
    averages[out + c] = average;
    sum += average;
    most = max(most, average);
  }
  const Whole whole = whole_of(warp_sum(sum));
  const Whole upscale = whole_of(share(whole, warp_max(most)));
  const u64 earns = incentive[server];
  for (u32 c = lane; c < all; c += 32) {
    const u64 bond = share(whole, averages[out + c]);
    out_bonds[out + c] = u16(share(upscale, bond) * 65535 >> 32);
    const u64 due = times(earns, bond);
    if (due) atomicAdd(&dividends[out_rows[out + c]], due);
  }
}
