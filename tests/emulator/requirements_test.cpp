// Every instruction that needs a newer target or version than sm_20 and 2.0 have is accepted by the first
// ones that have it, and refused by those before. What ptxas 13.0 says of them is in the table.
#include "run_ptx.h"

#include <algorithm>
#include <span>
#include <sstream>

namespace emu::test {
namespace {

// The first target, the first version, and the instruction.
constexpr const char* first_of = R"(
sm_90 8.0 add.u16x2 %r0, %r1, %r2;
sm_20 4.3 add.cc.u64 %l0, %l1, %l2;
sm_20 4.3 addc.cc.u64 %l0, %l1, %l2;
sm_20 4.3 sub.cc.u64 %l0, %l1, %l2;
sm_20 4.3 subc.cc.u64 %l0, %l1, %l2;
sm_20 3.0 mad.lo.cc.u32 %r0, %r1, %r2, %r3;
sm_20 4.3 mad.lo.cc.u64 %l0, %l1, %l2, %l3;
sm_20 3.0 madc.lo.u32 %r0, %r1, %r2, %r3;
sm_20 4.3 madc.lo.cc.u64 %l0, %l1, %l2, %l3;
sm_90 8.0 min.u16x2 %r0, %r1, %r2;
sm_90 8.0 max.u16x2 %r0, %r1, %r2;
sm_61 5.0 dp4a.u32.u32 %r0, %r1, %r2, %r3;
sm_61 5.0 dp2a.lo.u32.u32 %r0, %r1, %r2, %r3;
sm_80 7.0 cp.async.wait_all;
sm_80 7.4 cp.async.ca.shared.global.L2::64B [%l0], [%l1], 16;
sm_80 7.8 cp.async.mbarrier.arrive.shared::cta.b64 [%l0];
sm_90 8.0 cp.async.bulk.shared::cluster.global.mbarrier::complete_tx::bytes [%r0], [%l0], %r1, [%r2];
sm_90 8.6 cp.async.bulk.shared::cta.global.mbarrier::complete_tx::bytes [%r0], [%l0], %r1, [%r2];
sm_90 8.0 cp.async.bulk.shared::cluster.shared::cta.mbarrier::complete_tx::bytes [%r0], [%r3], %r1, [%r2];
sm_90 8.0 cp.async.bulk.global.shared::cta.bulk_group [%l0], [%r0], %r1;
sm_100 8.6 cp.async.bulk.global.shared::cta.bulk_group.cp_mask [%l0], [%r0], %r1, %h0;
sm_90 8.0 cp.async.bulk.prefetch.L2.global [%l0], %r1;
sm_90 8.0 cp.async.bulk.commit_group;
sm_90 8.0 cp.reduce.async.bulk.global.shared::cta.bulk_group.add.noftz.bf16 [%l0], [%r0], %r1;
sm_90 8.0 cp.async.bulk.tensor.2d.shared::cluster.global.mbarrier::complete_tx::bytes [%r0], [%l0, {%r1, %r3}], [%r2];
sm_90 8.6 cp.async.bulk.tensor.2d.shared::cta.global.tile.mbarrier::complete_tx::bytes [%r0], [%l0, {%r1, %r3}], [%r2];
sm_90 8.0 cp.async.bulk.tensor.2d.shared::cluster.global.tile.mbarrier::complete_tx::bytes.multicast::cluster [%r0], [%l0, {%r1, %r3}], [%r2], %h0;
sm_90 8.0 cp.reduce.async.bulk.tensor.2d.global.shared::cta.add.tile.bulk_group [%l0, {%r1, %r2}], [%r0];
sm_90 8.0 cp.async.bulk.prefetch.tensor.2d.L2.global.tile [%l0, {%r1, %r2}];
sm_90a 8.3 tensormap.replace.tile.rank.global.b1024.b32 [%l0], %r1;
sm_100f 8.6 tensormap.replace.tile.swizzle_atomicity.global.b1024.b32 [%l0], 0;
sm_90 8.3 tensormap.cp_fenceproxy.global.shared::cta.tensormap::generic.release.gpu.sync.aligned [%l0], [%r0], 128;
sm_90 8.0 fence.proxy.async.shared::cta;
sm_90 8.6 fence.proxy.async::generic.acquire.sync_restrict::shared::cluster.cluster;
sm_90 8.6 fence.acquire.sync_restrict::shared::cluster.cluster;
sm_90 8.6 fence.release.sync_restrict::shared::cta.cluster;
sm_90 8.3 fence.proxy.tensormap::generic.release.cluster;
sm_90 8.3 fence.proxy.tensormap::generic.acquire.gpu [%l0], 128;
sm_90 8.0 prefetch.param.tensormap [%l0];
sm_70 6.0 atom.relaxed.or.b32 %r0, [%l0], %r1;
sm_60 5.0 atom.add.f64 %l0, [%l1], %l2;
sm_90 7.8 atom.add.noftz.bf16 %h0, [%l0], %h1;
sm_20 7.8 atom.shared::cta.or.b32 %r0, [%l0], %r1;
sm_80 7.4 atom.or.L2::cache_hint.b32 %r0, [%l0], %r1, %l1;
sm_70 7.8 atom.shared::cta.add.noftz.f16 %h0, [%l0], %h1;
sm_60 7.8 atom.shared::cta.add.f64 %l0, [%l1], %l2;
sm_70 6.3 atom.add.noftz.f16 %h0, [%l0], %h1;
sm_60 6.2 atom.add.noftz.f16x2 %r0, [%l0], %r1;
sm_70 6.2 atom.relaxed.add.noftz.f16x2 %r0, [%l0], %r1;
sm_32 3.1 atom.or.b64 %l0, [%l1], %l2;
sm_32 7.8 atom.shared::cta.min.u64 %l0, [%l1], %l2;
sm_90 8.1 atom.add.v2.f32 {%r0, %r1}, [%l0], {%r2, %r3};
sm_70 6.0 red.relaxed.or.b32 [%l0], %r0;
sm_60 5.0 red.add.f64 [%l0], %l1;
sm_90 7.8 red.add.noftz.bf16 [%l0], %h0;
sm_20 7.8 red.shared::cta.or.b32 [%l0], %r0;
sm_80 7.4 red.or.L2::cache_hint.b32 [%l0], %r0, %l1;
sm_70 7.8 red.shared::cta.add.noftz.f16 [%l0], %h0;
sm_60 7.8 red.shared::cta.add.f64 [%l0], %l1;
sm_70 6.3 red.add.noftz.f16 [%l0], %h0;
sm_60 6.2 red.add.noftz.f16x2 [%l0], %r0;
sm_70 6.2 red.relaxed.add.noftz.f16x2 [%l0], %r0;
sm_32 3.1 red.or.b64 [%l0], %l1;
sm_32 7.8 red.shared::cta.min.u64 [%l0], %l1;
sm_90 8.1 red.add.v2.f32 [%l0], {%r0, %r1};
sm_90 8.3 atom.exch.b128 %w0, [%l0], %w1;
sm_90 8.4 atom.sys.exch.b128 %w0, [%l0], %w1;
sm_20 7.8 bar.cta.sync %r0;
sm_30 6.0 barrier.sync %r0;
sm_30 7.8 barrier.cta.sync %r0;
sm_90 7.8 barrier.cluster.arrive;
sm_90 7.8 barrier.cluster.wait.aligned;
sm_90 8.0 barrier.cluster.arrive.relaxed;
sm_90 8.0 barrier.cluster.wait.acquire;
sm_90 8.0 fence.mbarrier_init.release.cluster;
sm_90 7.8 mapa.shared::cluster.u32 %r0, %r1, %r2;
sm_90 7.8 mapa.u64 %l0, %l1, %r2;
sm_90 7.8 getctarank.u64 %r0, %l1;
sm_90 8.0 mbarrier.arrive.shared::cluster.b64 _, [%r0];
sm_90a 8.0 setmaxnreg.inc.sync.aligned.u32 72;
sm_90 8.1 st.async.shared::cluster.mbarrier::complete_tx::bytes.b32 [%r0], %r1, [%r2];
sm_90 8.1 red.async.relaxed.cluster.shared::cluster.mbarrier::complete_tx::bytes.add.u32 [%r0], %r1, [%r2];
sm_60 7.5 membar.proxy.alias;
sm_70 6.0 fence.cta;
sm_90 7.8 fence.cluster;
sm_70 7.5 fence.proxy.alias;
sm_50 4.3 lop3.b32 %r0, %r1, %r2, %r3, 1;
sm_70 8.2 lop3.or.b32 %r0|%p0, %r1, %r2, %r3, 1, %p1;
sm_32 3.1 shf.l.wrap.b32 %r0, %r1, %r2, %r3;
sm_70 7.6 bmsk.wrap.b32 %r0, %r1, %r2;
sm_70 7.6 szext.wrap.u32 %r0, %r1, %r2;
sm_30 6.0 fns.b32 %r0, %r1, %r2, %r3;
sm_80 7.4 prefetch.global.L2::evict_last [%l0];
sm_80 7.4 applypriority.L2::evict_normal [%l0], 128;
sm_80 7.4 discard.L2 [%l0], 128;
sm_80 7.4 createpolicy.cvt.L2.b64 %l0, %l1;
sm_20 3.0 pmevent.mask 1;
sm_70 6.2 nanosleep.u32 %r0;
sm_90 7.8 cvt.bf16.f16 %h0, %h1;
sm_80 7.1 cvt.f32.bf16 %r0, %h0;
sm_80 7.0 cvt.rn.bf16.f32 %h0, %r0;
sm_70 8.1 cvt.rn.satfinite.f16.f32 %h0, %r0;
sm_80 8.1 cvt.rn.satfinite.bf16.f32 %h0, %r0;
sm_100 8.6 cvt.rn.satfinite.tf32.f32 %r0, %r1;
sm_100a 8.7 cvt.rs.f16x2.f32 %r0, %r1, %r2, %r3;
sm_89 7.8 cvt.rn.f16x2.e4m3x2 %r0, %h0;
sm_100f 8.6 cvt.rn.f16x2.e2m1x2 %r0, %b0;
sm_72 6.5 cvt.pack.sat.u16.s32 %r0, %r1, %r2;
sm_75 6.5 cvt.pack.sat.u4.s32.b32 %r0, %r1, %r2, %r3;
sm_100 8.6 add.f32x2 %l0, %l1, %l2;
sm_100 8.6 sub.f32x2 %l0, %l1, %l2;
sm_100 8.6 mul.f32x2 %l0, %l1, %l2;
sm_100 8.6 fma.rn.f32x2 %l0, %l1, %l2, %l3;
sm_20 2.3 rcp.approx.ftz.f64 %l0, %l1;
sm_20 4.0 rsqrt.approx.ftz.f64 %l0, %l1;
sm_75 7.0 tanh.approx.f32 %r0, %r1;
sm_86 7.2 min.xorsign.abs.f32 %r0, %r1, %r2;
sm_80 7.0 min.f16 %h0, %h1, %h2;
sm_86 7.2 max.xorsign.abs.f32 %r0, %r1, %r2;
sm_80 7.0 max.f16 %h0, %h1, %h2;
sm_53 4.2 add.f16 %h0, %h1, %h2;
sm_90 7.8 add.bf16 %h0, %h1, %h2;
sm_53 4.2 sub.f16 %h0, %h1, %h2;
sm_90 7.8 sub.bf16 %h0, %h1, %h2;
sm_53 4.2 mul.f16 %h0, %h1, %h2;
sm_90 7.8 mul.bf16 %h0, %h1, %h2;
sm_53 4.2 fma.rn.f16 %h0, %h1, %h2, %h3;
sm_80 7.0 fma.rn.bf16 %h0, %h1, %h2, %h3;
sm_53 6.0 neg.f16 %h0, %h1;
sm_80 7.0 neg.bf16 %h0, %h1;
sm_53 6.5 abs.f16 %h0, %h1;
sm_80 7.0 abs.bf16 %h0, %h1;
sm_75 7.0 ex2.approx.f16 %h0, %h1;
sm_90 7.8 ex2.approx.ftz.bf16 %h0, %h1;
sm_90 7.8 tanh.approx.bf16 %h0, %h1;
sm_53 4.2 setp.eq.f16 %p0, %h0, %h1;
sm_90 7.8 setp.eq.bf16 %p0, %h0, %h1;
sm_53 4.2 set.eq.f16.f16 %h0, %h1, %h2;
sm_90 7.8 set.eq.bf16.f16 %h0, %h1, %h2;
sm_53 6.5 set.eq.u16.f16 %h0, %h1, %h2;
sm_70 6.4 mma.sync.aligned.m8n8k4.row.row.f16.f16.f16.f16 {%r0, %r1, %r2, %r3}, {%r4, %r5}, {%r6, %r7}, {%r8, %r9, %r10, %r11};
sm_75 6.5 mma.sync.aligned.m8n8k16.row.col.s32.u8.u8.s32 {%r0, %r1}, {%r2}, {%r3}, {%r4, %r5};
sm_80 7.0 mma.sync.aligned.m8n8k4.row.col.f64.f64.f64.f64 {%l0, %l1}, {%l2}, {%l3}, {%l4, %l5};
sm_89 8.7 mma.sync.aligned.m16n8k16.row.col.f16.e4m3.e4m3.f16 {%r0, %r1}, {%r2, %r3}, {%r4}, {%r5, %r6};
sm_89 8.4 mma.sync.aligned.m16n8k32.row.col.f32.e4m3.e4m3.f32 {%r0, %r1, %r2, %r3}, {%r4, %r5, %r6, %r7}, {%r8, %r9}, {%r10, %r11, %r12, %r13};
sm_90 7.8 mma.sync.aligned.m16n8k4.row.col.f64.f64.f64.f64 {%l0, %l1, %l2, %l3}, {%l4, %l5}, {%l6}, {%l7, %l8, %l9, %l10};
sm_80 7.1 mma.sp.sync.aligned.m16n8k16.row.col.f16.f16.f16.f16 {%r0, %r1}, {%r2, %r3}, {%r4, %r5}, {%r6, %r7}, %r8, 0;
sm_80 8.5 mma.sp::ordered_metadata.sync.aligned.m16n8k16.row.col.f16.f16.f16.f16 {%r0, %r1}, {%r2, %r3}, {%r4, %r5}, {%r6, %r7}, %r8, 0;
sm_89 8.4 mma.sp.sync.aligned.m16n8k64.row.col.f32.e4m3.e4m3.f32 {%r0, %r1, %r2, %r3}, {%r4, %r5, %r6, %r7}, {%r8, %r9, %r10, %r11}, {%r12, %r13, %r14, %r15}, %r0, 0;
sm_80 7.1 mma.sync.aligned.m8n8k128.row.col.s32.b1.b1.s32.and.popc {%r0, %r1}, {%r2}, {%r3}, {%r4, %r5};
sm_75 7.0 mma.sync.aligned.m8n8k128.row.col.s32.b1.b1.s32.xor.popc {%r0, %r1}, {%r2}, {%r3}, {%r4, %r5};
sm_70 6.3 wmma.load.c.sync.aligned.m8n32k16.row.f16 {%r0, %r1, %r2, %r3}, [%l0];
sm_80 7.0 wmma.load.a.sync.aligned.m8n8k4.row.f64 {%l0}, [%l1];
sm_72 6.3 wmma.load.a.sync.aligned.m8n32k16.row.s8 {%r0}, [%l0];
sm_75 6.3 wmma.load.a.sync.aligned.m8n8k32.row.s4 {%r0}, [%l0];
sm_80 7.1 wmma.mma.sync.aligned.m8n8k128.row.col.s32.b1.b1.s32.and.popc {%r0, %r1}, {%r2}, {%r3}, {%r4, %r5};
sm_80 7.0 mbarrier.inval.b64 [%l0];
sm_80 7.8 mbarrier.inval.shared::cta.b64 [%l0];
sm_80 8.0 mbarrier.arrive.release.cta.b64 %l0, [%l1];
sm_90 8.0 mbarrier.expect_tx.b64 [%l0], %r0;
sm_90 8.6 mbarrier.arrive.relaxed.cta.b64 %l0, [%l1];
sm_80 7.1 mbarrier.test_wait.parity.b64 %p0, [%l0], %r0;
sm_90 7.8 mbarrier.try_wait.b64 %p0, [%l0], %l1;
sm_70 6.0 ld.weak.b8 %h0, [%l0];
sm_20 8.3 ld.param::entry.b8 %h0, [p];
sm_20 7.8 ld.shared::cta.b8 %h0, [%l0];
sm_90 7.8 ld.shared::cluster.b8 %h0, [%l0];
sm_70 7.4 ld.L1::evict_last.b8 %h0, [%l0];
sm_80 7.4 ld.L2::256B.b8 %h0, [%l0];
sm_75 7.4 ld.L2::64B.b8 %h0, [%l0];
sm_70 8.3 ld.b128 %w0, [%l0];
sm_70 7.8 ld.weak.shared::cta.b8 %h0, [%l0];
sm_90 8.3 ld.shared::cluster.b128 %w0, [%l0];
sm_80 8.3 ld.L2::256B.b128 %w0, [%l0];
sm_75 8.3 ld.L2::64B.b128 %w0, [%l0];
sm_100 8.8 ld.v4.b64 {%l0, %l1, %l2, %l3}, [%l4];
sm_70 8.4 ld.relaxed.sys.b128 %w0, [%l0];
sm_70 8.2 ld.mmio.relaxed.sys.b8 %h0, [%l0];
sm_32 3.1 ld.global.nc.b8 %h0, [%l0];
sm_70 8.3 ldu.b128 %w0, [%l0];
sm_70 6.0 st.weak.b8 [%l0], %h0;
sm_20 7.8 st.shared::cta.b8 [%l0], %h0;
sm_90 7.8 st.shared::cluster.b8 [%l0], %h0;
sm_70 7.4 st.L1::evict_last.b8 [%l0], %h0;
sm_80 7.4 st.L2::cache_hint.b8 [%l0], %h0, %l1;
sm_70 8.3 st.b128 [%l0], %w0;
sm_70 7.8 st.weak.shared::cta.b8 [%l0], %h0;
sm_90 8.3 st.shared::cluster.b128 [%l0], %w0;
sm_80 8.3 st.L2::cache_hint.b128 [%l0], %w0, %l1;
sm_100 8.8 st.v4.b64 [%l0], {%l1, %l2, %l3, %l4};
sm_70 8.4 st.relaxed.sys.b128 [%l0], %w0;
sm_70 8.2 st.mmio.relaxed.sys.b8 [%l0], %h0;
sm_70 8.3 mov.b128 %w0, %w1;
sm_20 3.1 cvta.const.u64 %l0, %l1;
sm_20 7.8 cvta.shared::cta.u64 %l0, %l1;
sm_90 7.8 cvta.shared::cluster.u64 %l0, %l1;
sm_70 7.7 cvta.param.u64 %l0, %l1;
sm_70 8.3 cvta.param::entry.u64 %l0, %l1;
sm_20 3.1 isspacep.const %p0, %l0;
sm_20 7.8 isspacep.shared::cta %p0, %l0;
sm_90 7.8 isspacep.shared::cluster %p0, %l0;
sm_70 7.7 isspacep.param %p0, %l0;
sm_70 8.3 isspacep.param::entry %p0, %l0;
sm_90 7.8 griddepcontrol.wait;
sm_75 6.5 ldmatrix.sync.aligned.m8n8.x1.b16 {%r0}, [%l0];
sm_75 7.8 ldmatrix.sync.aligned.m8n8.x1.shared::cta.b16 {%r0}, [%l0];
sm_90 7.8 stmatrix.sync.aligned.m8n8.x1.b16 [%l0], {%r0};
sm_75 7.8 movmatrix.sync.aligned.m8n8.trans.b16 %r0, %r1;
sm_53 7.3 alloca.u32 %r0, %r1;
sm_53 7.3 stacksave.u32 %r0;
sm_53 7.3 stackrestore.u32 %r0;
sm_30 6.0 shfl.sync.up.b32 %r0|%p0, %r1, %r2, %r3, %r4;
sm_30 6.0 vote.sync.all.pred %p0, %p1, %r0;
sm_70 6.0 match.any.sync.b32 %r0, %r1, %r2;
sm_80 7.0 redux.sync.or.b32 %r0, %r1, %r2;
sm_100f 8.6 redux.sync.min.f32 %r0, %r1, %r2;
sm_30 6.2 activemask.b32 %r0;
sm_90 8.0 elect.sync %r0|%p0, %r1;
sm_30 6.0 bar.warp.sync %r0;
sm_70 7.8 wmma.load.c.sync.aligned.m8n32k16.row.shared::cta.f16 {%r0, %r1, %r2, %r3}, [%l0];
sm_80 7.8 wmma.load.a.sync.aligned.m8n8k4.row.shared::cta.f64 {%l0}, [%l1];
sm_72 7.8 wmma.load.a.sync.aligned.m8n32k16.row.shared::cta.s8 {%r0}, [%l0];
sm_75 7.8 wmma.load.a.sync.aligned.m8n8k32.row.shared::cta.s4 {%r0}, [%l0];
sm_100 8.8 min.f32 %r0, %r1, %r2, %r3;
)";

constexpr const char* targets[] = {
    "sm_20", "sm_30", "sm_32", "sm_35", "sm_50", "sm_53", "sm_60", "sm_61",  "sm_62",  "sm_70",   "sm_72",
    "sm_75", "sm_80", "sm_86", "sm_87", "sm_88", "sm_89", "sm_90", "sm_90a", "sm_100", "sm_100f", "sm_100a"};
constexpr const char* versions[] = {"2.0", "2.3", "3.0", "3.1", "3.2", "4.0", "4.1", "4.2", "4.3",
                                    "5.0", "6.0", "6.1", "6.2", "6.3", "6.4", "6.5", "7.0", "7.1",
                                    "7.2", "7.3", "7.4", "7.5", "7.6", "7.7", "7.8", "8.0", "8.1",
                                    "8.2", "8.3", "8.4", "8.5", "8.6", "8.7", "8.8", "9.0"};

// Empty if there is none.
std::string before(std::span<const char* const> all, const std::string& one) {
  const auto found = std::ranges::find(all, one);
  EXPECT_NE(found, all.end()) << one;
  return found == all.begin() || found == all.end() ? "" : found[-1];
}

ptx::Error load(const std::string& target, const std::string& version, const std::string& statement) {
  Memory memory{1 << 20};
  ptx::Error error;
  const char* const begin = R"(
.address_size 64
.visible .entry test(.param .b64 p) {
.reg .pred %p<9>; .reg .b8 %b<9>; .reg .b16 %h<33>;
.reg .b32 %r<65>; .reg .b64 %l<65>; .reg .b128 %w<9>;
  )";
  emu::load(join({".version ", version, "\n.target ", target, begin, statement, "\nret;\n}\n"}), memory,
            error);
  return error;
}

TEST(Requirements, AreThoseOfTheFirstTargetAndVersion) {
  std::istringstream lines(first_of);
  int count = 0;
  for (std::string target, version, statement; lines >> target >> version >> std::ws;) {
    std::getline(lines, statement);
    SCOPED_TRACE(statement);
    ++count;
    EXPECT_EQ(load(target, version, statement).message, "");
    EXPECT_EQ(load(std::end(targets)[-1], std::end(versions)[-1], statement).message, "");
    if (const std::string older = before(targets, target); !older.empty()) {
      const ptx::Error error = load(older, std::end(versions)[-1], statement);
      EXPECT_NE(error.message.find("' requires .target "), std::string::npos) << error.message;
      EXPECT_TRUE(error.message.ends_with("found " + older)) << error.message;
      EXPECT_EQ(error.place, (ptx::Place{7, 3}));
    }
    if (const std::string older = before(versions, version); !older.empty()) {
      const ptx::Error error = load(target, older, statement);
      EXPECT_NE(error.message.find(join({"' requires .version ", version, " or newer, found ", older})),
                std::string::npos)
          << error.message;
    }
  }
  EXPECT_GT(count, 150);
}

TEST(Requirements, OfAChipOrItsFamilyHoldForNoOther) {
  const std::string family = "cvt.rn.satfinite.e2m1x2.f32 %b0, %r0, %r1;",
                    chip = "cvt.rs.f16x2.f32 %r0, %r1, %r2, %r3;";
  for (const char* target : {"sm_100f", "sm_100a", "sm_103a", "sm_103f", "sm_110a", "sm_120f", "sm_121a"})
    EXPECT_EQ(load(target, "9.0", family).message, "") << target;
  for (const char* target : {"sm_90a", "sm_100", "sm_103", "sm_120", "sm_121"})
    EXPECT_NE(load(target, "9.0", family).message, "") << target;
  const std::string warpgroup = "wgmma.fence.sync.aligned;";
  EXPECT_EQ(load("sm_90a", "8.0", warpgroup).message, "");
  for (const char* target : {"sm_90", "sm_100", "sm_100a", "sm_120f"})
    EXPECT_EQ(load(target, "9.0", warpgroup).message,
              std::string("'wgmma.fence.sync.aligned' requires .target sm_90a, found ") + target);
  EXPECT_EQ(load("sm_90a", "7.8", warpgroup).message,
            "'wgmma.fence.sync.aligned' requires .version 8.0 or newer, found 7.8");
  EXPECT_EQ(load("sm_103a", "9.0", chip).message, "");
  EXPECT_EQ(load("sm_120a", "9.0", chip).message,
            "'cvt.rs.f16x2.f32' requires .target sm_100a, sm_103a, found sm_120a");
}

TEST(Requirements, OfAModuleThatNamesNoTarget) {
  const ptx::Error error = load("sm_9x", "9.0", "ret;");
  EXPECT_EQ(error.message, "unknown target 'sm_9x'");
  EXPECT_EQ(error.place, (ptx::Place{2, 9}));
}

} // namespace
} // namespace emu::test
