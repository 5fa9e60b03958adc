// The families of operators, one source file each.
#pragma once

#include <span>

#include "engine/ops/op_def.h"

namespace wnn::ops {

// What only the optimiser makes.
std::span<const OpDef> BlockedConvOps();       // blocked_conv.cc: wnn.Conv
std::span<const OpDef> BlockedNormOps();       // blocked_norm.cc: wnn.ScaleShift, wnn.LRN
std::span<const OpDef> BlockedPoolOps();       // blocked_pool.cc: wnn.MaxPool, ...
std::span<const OpDef> BlockedReorderOps();    // blocked_reorder.cc: wnn.ToBlocked, wnn.FromBlocked
std::span<const OpDef> BlockedShuffleOps();    // blocked_shuffle.cc: wnn.ShuffleChannels
std::span<const OpDef> FastElementwiseOps();   // fast_elementwise.cc: wnn.Unary, wnn.Binary
std::span<const OpDef> InvertedResidualOps();  // inverted_residual.cc: wnn.InvertedResidual
std::span<const OpDef> PackedGemmOps();        // packed_gemm.cc: wnn.Gemm, wnn.MatMul

// What works on tensors of known shapes.
std::span<const OpDef> AttentionOps();            // attention.cc
std::span<const OpDef> BinaryOps();               // binary.cc: Add, Sub, Mul, Div, ...
std::span<const OpDef> CastOps();                 // cast.cc: Cast, CastLike
std::span<const OpDef> ChannelsLastOps();         // channels_last.cc: maps of bytes [N, H, W, C]
std::span<const OpDef> ConcatOps();               // concat.cc: Concat, Split
std::span<const OpDef> ConstantOps();             // constant.cc: Constant, ConstantOfShape, Range
std::span<const OpDef> ConvOps();                 // conv.cc
std::span<const OpDef> ConvTransposeOps();        // conv_transpose.cc
std::span<const OpDef> DeformOps();               // deform.cc: DeformConv, Col2Im
std::span<const OpDef> DetectionOps();            // detection.cc: NonMaxSuppression, Unique
std::span<const OpDef> EinsumOps();               // einsum.cc
std::span<const OpDef> FlexAttentionOps();        // flex_attention.cc
std::span<const OpDef> GatherOps();               // gather.cc
std::span<const OpDef> GatherQuantizedOps();      // gather_quantized.cc: GatherBlockQuantized
std::span<const OpDef> GemmOps();                 // gemm.cc: Gemm, MatMul
std::span<const OpDef> GridSampleOps();           // grid_sample.cc: GridSample, AffineGrid
std::span<const OpDef> GroupQueryAttentionOps();  // group_query_attention.cc
std::span<const OpDef> LayoutOps();               // layout.cc: CenterCropPad, Det, ...
std::span<const OpDef> LossOps();                 // loss.cc: SoftmaxCrossEntropyLoss, ...
std::span<const OpDef> LpPoolOps();               // lp_pool.cc: LpPool, GlobalLpPool, MaxUnpool
std::span<const OpDef> MatMulNBitsOps();          // matmul_nbits.cc: MatMulNBits, MatMulBnb4
std::span<const OpDef> MicrosoftAttentionOps();   // microsoft_attention.cc: Attention, QAttention
std::span<const OpDef> MicrosoftFusedOps();       // microsoft_fused.cc: FusedConv, FusedMatMul, ...
std::span<const OpDef> MicrosoftMatrixOps();      // microsoft_matrix.cc: CDist, Inverse
std::span<const OpDef> MicrosoftMoeOps();         // microsoft_moe.cc: MoE, QMoE
std::span<const OpDef>
MicrosoftNormOps();  // microsoft_norm.cc: SkipLayerNormalization, BiasGelu, ...
std::span<const OpDef>
MicrosoftQuantizedOps();  // microsoft_quantized.cc: QLinearWhere, QEmbedLayerNormalization
std::span<const OpDef> MlLinearOps();            // ml_linear.cc: LinearClassifier, Scaler, ...
std::span<const OpDef> MlSvmOps();               // ml_svm.cc: SVMClassifier, SVMRegressor
std::span<const OpDef> MlTreeOps();              // ml_trees.cc: TreeEnsemble, ...
std::span<const OpDef> MomentsNormOps();         // moments_norm.cc: RMSNormalization, ...
std::span<const OpDef> MovementOps();            // movement.cc: Transpose, Slice, Expand, Tile
std::span<const OpDef> MultiHeadAttentionOps();  // multi_head_attention.cc
std::span<const OpDef> NormOps();                // norm.cc: BatchNormalization, LRN, ...
std::span<const OpDef> PadOps();                 // pad.cc
std::span<const OpDef> PoolOps();                // pool.cc
std::span<const OpDef> QLinearConvOps();         // qlinear_conv.cc: QLinearConv, ConvInteger
std::span<const OpDef> QLinearElementwiseOps();  // qlinear_elementwise.cc: QLinearAdd, ...
std::span<const OpDef> QLinearMatMulOps();       // qlinear_matmul.cc: QLinearMatMul, QGemm, ...
std::span<const OpDef> QuantizeOps();         // quantize.cc: QuantizeLinear, DequantizeLinear, ...
std::span<const OpDef> RandomOps();           // random.cc: RandomNormal, Multinomial, ...
std::span<const OpDef> RecurrentOps();        // recurrent.cc: RNN, GRU, LSTM
std::span<const OpDef> ReduceOps();           // reduce.cc
std::span<const OpDef> ResizeOps();           // resize.cc: Resize, Upsample
std::span<const OpDef> RoiOps();              // roi.cc: RoiAlign, MaxRoiPool
std::span<const OpDef> RotaryEmbeddingOps();  // rotary_embedding.cc
std::span<const OpDef> ScanOps();             // scan.cc: CumSum, Trilu, TopK, OneHot, ...
std::span<const OpDef> ScatterOps();          // scatter.cc
std::span<const OpDef> SelectOps();           // select.cc: NonZero, Compress
std::span<const OpDef> SequenceModelOps();    // sequence_models.cc: LinearAttention, ...
std::span<const OpDef> SoftmaxOps();          // softmax.cc
std::span<const OpDef> SpectralOps();         // spectral.cc: DFT, STFT
std::span<const OpDef> TrainingOps();         // training.cc: Adagrad, Adam, Momentum
std::span<const OpDef> UnaryOps();   // unary.cc: activations and other functions of one element
std::span<const OpDef> ViewOps();    // view.cc: Identity, Reshape, Flatten, Shape, ...
std::span<const OpDef> WindowOps();  // windows.cc: HannWindow, ...

// What works on values of any kind, or runs subgraphs.
std::span<const OpDef> ControlFlowOps();    // control_flow.cc: If, Loop, SequenceMap
std::span<const OpDef> ImageOps();          // image.cc: ImageDecoder
std::span<const OpDef> MicrosoftTextOps();  // microsoft_text.cc: Tokenizer, MurmurHash3
std::span<const OpDef> MlMapOps();          // ml_maps.cc: ZipMap, CastMap, CategoryMapper, ...
std::span<const OpDef> OptionalOps();       // optional.cc
std::span<const OpDef> ScanLoopOps();       // scan_loop.cc: Scan
std::span<const OpDef> SequenceOps();       // sequence.cc
std::span<const OpDef> StringOps();         // strings.cc: StringConcat, RegexFullMatch, ...
std::span<const OpDef> TfIdfOps();          // tfidf.cc: TfIdfVectorizer

}  // namespace wnn::ops
