#include "fuzz/operator_models.h"

#include <array>

namespace wnn::fuzz {
namespace {

// clang-format off
constexpr auto kTexts = std::to_array<std::string_view>({
    // One number after the other.
    "Abs(f[3])", "Abs(i8[3])", "Acos(f[3])", "Acosh(f[3])", "Asin(f[3])", "Asinh(f[3])",
    "Atan(f[3])", "Atanh(f[3])", "BitwiseNot(u8[3])", "Ceil(f[3])", "Celu(f[3] | alpha=2.0)",
    "Clip(f[3], f[]{0}, f[]{1})", "Cos(f[3])", "Cosh(f[3])", "Elu(f[3])", "Erf(f[9])", "Exp(bf[3])",
    "Floor(d[3])", "Gelu(f[9] | approximate='tanh')", "HardSigmoid(f[3])", "HardSwish(f[3])",
    "IsInf(f[3])", "IsNaN(f[3])", "LeakyRelu(f[3])", "Log(f[9])", "Mish(f[3])", "Neg(f[3])",
    "Not(b[3])", "Reciprocal(f[3])", "Round(f[3])", "Selu(f[3])", "Shrink(f[3])", "Sigmoid(f[9])",
    "Sign(f[3])", "Sin(f[3])", "Sinh(f[3])", "Softplus(f[3])", "Softsign(f[3])", "Sqrt(h[3])",
    "@24 Swish(f[9] | alpha=1.5)", "Tan(f[3])", "Tanh(f[9])", "ThresholdedRelu(f[3])",
    // Two numbers and more.
    "Add(h[3], h[1])", "And(b[2,3], b[3])", "BitShift(u8[3], u8[3] | direction='LEFT')",
    "BitwiseAnd(u8[3], u8[1])", "BitwiseOr(i32[3], i32[3])", "BitwiseXor(i64[3], i64[1])",
    "Div(f[2,3], f[3]{})", "Div(i32[3], i32[3]{1,2,3})", "Equal(i64[3], i64[1])",
    "Greater(f[2,1], f[3])", "GreaterOrEqual(f[3], f[3])", "Less(f[3], f[3])",
    "LessOrEqual(f[3], f[3])", "Max(f[3], f[1], f[2,3])", "Mean(f[3], f[1])", "Min(f[3], f[1])",
    "Mod(i32[3], i32[3]{1,2,3})", "Mod(f[3], f[3]{} | fmod=1)", "Mul(i8[3], i8[3])",
    "Or(b[3], b[3])", "Pow(f[3], f[1]{2})", "PRelu(f[2,3], f[3])", "Sub(u64[3], u64[3])",
    "Sum(f[3], f[3], f[1])", "@28 SwiGLU(f[3], f[3])", "Where(b[3], f[3], f[1])", "Xor(b[3], b[3])",
    // Other types; constants.
    "Cast(f[3] | to=17)", "Cast(f[3] | to=22)", "CastLike(f[3], i8[1])", "@26 BitCast(f[3] | to=6)",
    "S = Cast(f[3] | to=8); Cast(S | to=11)", "Constant(| value=f[2]{1,2})",
    "Constant(| value_ints=[1,2])", "ConstantOfShape(i64[2]{2,3} | value=i32[1]{7})",
    "Range(f[]{0}, f[]{3}, f[]{0.5})", "EyeLike(f[3,4] | k=1)",
    // Moved elements.
    "CenterCropPad(f[4,5], i64[2]{3,7})", "Col2Im(f[1,4,4], i64[2]{3,3}, i64[2]{2,2})",
    "Compress(f[4], b[3]{1,0,1} | axis=0)", "DepthToSpace(f[1,4,2,2] | blocksize=2 mode='CRD')",
    "Expand(f[3,1], i64[3]{2,1,4})", "Flatten(f[2,3,2])", "Gather(f[3,2], i64[2]{2,-3})",
    "GatherElements(f[2,2], i64[2,2]{0,1,1,0})", "Identity(f[3])",
    "GatherND(f[2,2,2], i64[2,1]{1,0} | batch_dims=1)", "OneHot(i64[3], i64[]{4}, f[2]{0,1})",
    "Pad(f[2,3], i64[4]{1,0,-1,2}, f[]{7} | mode='constant')",
    "Pad(f[2,3], i64[4]{1,2,0,2} | mode='reflect')", "@19 Pad(f[3], i64[2]{1,1} | mode='wrap')",
    "Reshape(f[4,3], i64[3]{0,-1,1})", "ReverseSequence(f[4,2], i64[2]{3,1})",
    "@9 Scatter(f[3,3], i64[1,3]{2,0,1}, f[1,3])",
    "ScatterElements(f[3,3], i64[1,3]{2,0,1}, f[1,3] | axis=1 reduction='mul')",
    "ScatterND(f[4,2], i64[2,1]{0,3}, f[2,2] | reduction='max')", "Shape(f[2,3] | start=1)",
    "Size(f[2,3])", "SpaceToDepth(f[1,1,4,4] | blocksize=2)", "Squeeze(f[1,3,1], i64[1]{-1})",
    "Slice(f[4,5], i64[2]{-1,0}, i64[2]{-9,5}, i64[2]{0,1}, i64[2]{-2,2})",
    "A, B = Split(f[5,2], i64[2]{3,2} | axis=0)", "Tile(f[2,1], i64[2]{1,3})",
    "@24 TensorScatter(f[2,1,4,2], f[2,1,1,2], i64[2]{1,3} | mode='circular')",
    "Transpose(u8[2,3,4] | perm=[2,0,1])", "Trilu(f[3,4], i64[]{-1} | upper=0)",
    "Unsqueeze(f[3], i64[2]{0,2})", "Concat(f[2,1], f[2,3] | axis=-1)",
    // Reduced, searched, sorted.
    "ArgMax(f[2,3] | axis=1 select_last_index=1)", "ArgMin(f[2,3] | keepdims=0)",
    "CumSum(f[4,2], i64[]{0} | exclusive=1 reverse=1)", "@26 CumProd(f[4,2], i64[]{0})",
    "ReduceL1(f[2,3], i64[1]{1})", "ReduceL2(f[2,3], i64[1]{0})", "ReduceLogSum(f[2,3])",
    "ReduceLogSumExp(f[2,3], i64[1]{1})", "ReduceMax(f[2,3], i64[1]{1} | keepdims=0)",
    "ReduceMean(f[2,3,2], i64[2]{0,2})", "ReduceMin(i8[2,3])", "ReduceProd(f[2,3], i64[1]{1})",
    "ReduceSum(f[2,3], i64[1]{-1})", "ReduceSumSquare(f[2,3])", "NonZero(f[2,3])",
    "NonMaxSuppression(f[1,4,4]{}, f[1,1,4], i64[]{2}, f[]{0.5}, f[]{0})",
    "A, B = TopK(f[3,4], i64[1]{2} | largest=0)", "A, B, C, D = Unique(f[2,3] | axis=1)",
    // Matrices.
    "Det(f[2,3,3])", "Einsum(f[2,3], f[3,4] | equation='ij,jk->k')",
    "Einsum(f[3,2], f[3,2] | equation='ij,kj->ik')", "MatMul(d[2,3], d[3,2])",
    "Gemm(f[3,2], f[4,3], f[4] | transA=1 transB=1 alpha=0.5 beta=2.0)",
    "MatMulInteger(u8[2,3], i8[3,2]{}, u8[]{1}, i8[2]{})",
    "QLinearMatMul(u8[2,3], f[]{.1}, u8[]{3}, u8[3,2]{}, f[2]{.1,.2}, u8[2]{1,2}, f[]{2}, u8[]{9})",
    "GRU(f[4,2,2], f[2,9,2]{}, f[2,9,3]{}, f[2,18]{} | hidden_size=3 direction='bidirectional')",
    "A, B, C = LSTM(f[4,2,2], f[1,12,2]{}, f[1,12,3]{}, f[1,24]{}, i32[2]{4,2}, f[1,2,3], "
    "f[1,2,3], f[1,9]{} | hidden_size=3 clip=2.0)",
    "RNN(f[4,2,2], f[1,3,2]{}, f[1,3,3]{} | hidden_size=3 activations=['Affine'] "
    "activation_alpha=[0.5] activation_beta=[0.1])",
    // Attention, and what language models have besides.
    "@23 Attention(f[1,2,3,4], f[1,1,3,4], f[1,1,3,4], b[3,3]{} | is_causal=1 softcap=2.0)",
    "@24 A, B, C, D = Attention(f[1,3,8], f[1,3,4], f[1,3,4], f[1,1,3,5], f[1,1,2,4], f[1,1,2,4] | "
    "q_num_heads=2 kv_num_heads=1)",
    "@27 A, B = CausalConvWithState(f[1,2,4], f[2,1,3]{}, f[2], f[1,2,2] | activation='silu')",
    "@27 A, B = LinearAttention(f[1,2,4], f[1,2,4], f[1,2,4], f[1,2,2,2], f[1,2,2], f[1,2,2] | "
    "q_num_heads=2 kv_num_heads=2)",
    "@23 RotaryEmbedding(f[1,2,3,4], f[8,2], f[8,2], i64[1,3]{0,1,2})",
    "preview.FlexAttention(f[1,2,3,4], f[1,1,3,4], f[1,1,3,4] | "
    "score_mod={(S f[1,2,3,3]) Relu(S)} prob_mod={(S f[1,2,3,3]) Neg(S)})",
    // Normalised.
    "BatchNormalization(f[2,3,2], f[3]{}, f[3]{}, f[3]{}, f[3]{1,2,3})",
    "A, B, C = BatchNormalization(f[2,3], f[3], f[3], f[3], f[3] | training_mode=1)",
    "@21 GroupNormalization(f[1,4,2,2], f[4], f[4] | num_groups=2)", "Hardmax(f[2,3])",
    "InstanceNormalization(f[1,2,3,3], f[2], f[2])", "LogSoftmax(f[2,3])", "LRN(f[1,5,2] | size=3)",
    "A, B, C = LayerNormalization(f[2,3], f[3], f[3])", "LpNormalization(f[2,3] | p=1)",
    "MeanVarianceNormalization(f[2,3,2,2])", "@23 RMSNormalization(f[2,4], f[4])",
    "SimplifiedLayerNormalization(f[2,4], f[4])", "Softmax(f[2,3,2] | axis=1)",
    // Windows that slide, pictures.
    "AffineGrid(f[1,2,3], i64[4]{1,1,2,2})", "GlobalAveragePool(f[1,2,3])",
    "GlobalLpPool(f[1,2,3])",
    "AveragePool(f[1,1,5,5] | kernel_shape=[3,2] pads=[1,0,1,1] ceil_mode=1 strides=[2,2])",
    "Conv(f[1,2,6], f[3,2,2]{}, f[3]{} | dilations=[2] auto_pad='SAME_UPPER')",
    "Conv(d[1,1,3,3,3], d[1,1,2,2,2] | strides=[1,2,1])", "GlobalMaxPool(f[1,2,3])",
    "ConvInteger(u8[1,1,4,4], u8[1,1,2,2]{}, u8[]{1}, u8[]{2})",
    "ConvTranspose(f[1,2,3,3], f[2,1,2,2] | strides=[2,2] output_padding=[1,1] group=2)",
    "DeformConv(f[1,1,3,3], f[1,1,2,2], f[1,8,2,2], f[1], f[1,4,2,2])",
    "GridSample(f[1,1,4,4], f[1,2,2,2] | mode='cubic' padding_mode='reflection')",
    "LpPool(f[1,1,4,4] | kernel_shape=[2,2] p=3)", "MaxPool(i8[1,1,4,4] | kernel_shape=[2,2])",
    "A, B = MaxPool(f[1,1,4,4] | kernel_shape=[2,2] strides=[2,2] storage_order=1)",
    "MaxRoiPool(f[1,1,6,6], f[1,5]{0,0,0,3,3} | pooled_shape=[2,2])",
    "MaxUnpool(f[1,1,2,2], i64[1,1,2,2]{5,7,13,15} | kernel_shape=[2,2] strides=[2,2])",
    "QLinearConv(u8[1,2,4,4], f[]{.1}, u8[]{3}, i8[2,2,2,2]{}, f[2]{.1,.2}, i8[2]{0,0}, f[]{2}, "
    "u8[]{9}, i32[2]{})",
    "Resize(f[1,1,4,4], _, _, i64[4]{1,1,6,3} | mode='cubic' antialias=1)",
    "Resize(f[1,2,4,4], _, f[4]{1,1,2,1.5} | mode='linear')",
    "Resize(f[1,1,4,4], f[4]{0.1,0.9,0.1,0.9}, _, i64[2]{3,3} | axes=[2,3] "
    "coordinate_transformation_mode='tf_crop_and_resize' keep_aspect_ratio_policy='not_larger')",
    "RoiAlign(f[1,1,6,6], f[2,4], i64[2] | output_height=2 output_width=2 sampling_ratio=2)",
    "@9 Upsample(f[1,1,2,2], f[4]{1,1,2,2} | mode='linear')",
    // Signals.
    "BlackmanWindow(i64[]{8})", "HammingWindow(i64[]{8} | periodic=0)", "HannWindow(i64[]{8})",
    "DFT(f[1,6,1], i64[]{5}, i64[]{1} | onesided=1)",
    "STFT(f[1,32,1], i64[]{8}, f[16]{}, i64[]{16})",
    "MelWeightMatrix(i64[]{4}, i64[]{16}, i64[]{8000}, f[]{0}, f[]{4000})",
    // Numbers of 8 bits.
    "DequantizeLinear(u8[2,3], f[3]{1,2,3}, u8[3]{0,1,2} | axis=1)",
    "@21 DequantizeLinear(i8[4,2], f[2,2]{1,2,3,4} | axis=0 block_size=2)",
    "A, B, C = DynamicQuantizeLinear(f[6])", "QuantizeLinear(f[2,3], f[]{.1}, i8[]{3})",
    "@21 QuantizeLinear(f[2,4], f[2,2]{1,2,3,4} | block_size=2 output_dtype=22)",
    "Q = QuantizeLinear(f[3,3], f[]{.25}, u8[]{128}); P = QLinearMatMul(Q, f[]{.25}, u8[]{128}, Q, "
    "f[]{.25}, u8[]{128}, f[]{.25}, u8[]{128}); DequantizeLinear(P, f[]{.25}, u8[]{128})",
    "Q = QuantizeLinear(f[1,2,4,4], f[]{.25}, u8[]{128}); P = QLinearConv(Q, f[]{.25}, u8[]{128}, "
    "u8[1,2,1,1]{130,120}, f[]{.25}, u8[]{128}, f[]{.25}, u8[]{128}); "
    "DequantizeLinear(P, f[]{.25}, u8[]{128})",
    "P = QLinearConv(u8[1,3,9,8], f[]{.1}, u8[]{3}, i8[9,3,3,3]{}, f[]{.02}, i8[]{0}, f[]{.5}, "
    "u8[]{9} | pads=[1,1,1,1] strides=[2,2]); M = MaxPool(P | kernel_shape=[2,2]); "
    "D = QLinearConv(M, f[]{.5}, u8[]{9}, i8[9,1,3,3]{}, f[]{.02}, i8[]{0}, f[]{.5}, u8[]{9} | "
    "group=9 pads=[1,1,1,1]); QLinearConv(D, f[]{.5}, u8[]{9}, i8[17,9,1,1]{}, f[]{.02}, i8[]{0}, "
    "f[]{.5}, u8[]{9})",
    // What is fused.
    "X = Identity(f[2,8]); M = ReduceMean(X, i64[1]{1}); D = Sub(X, M); S = Mul(D, D); "
    "V = ReduceMean(S, i64[1]{1}); E = Add(V, f[]{.001}); R = Sqrt(E); N = Div(D, R); "
    "W = Mul(N, f[8]{}); Add(W, f[8]{})",
    "X = Identity(f[2,8]); T = Div(X, f[]{1.41421356}); E = Erf(T); O = Add(E, f[]{1}); "
    "G = Mul(X, O); Mul(G, f[]{.5})",
    // Training.
    "NegativeLogLikelihoodLoss(f[3,4], i64[3], f[4] | reduction='mean' ignore_index=1)",
    "A, B = SoftmaxCrossEntropyLoss(f[3,4,2], i64[3,2])",
    "A, B = train.Adagrad(f[]{.1}, i64[]{1}, f[3], f[3], f[3])",
    "A, B, C = train.Adam(f[]{.1}, i64[]{1}, f[3], f[3], f[3], f[3])",
    "A, B = train.Momentum(f[]{.1}, i64[]{1}, f[3], f[3], f[3] | mode='standard' alpha=0.9 "
    "beta=1.0 norm_coefficient=0.1)",
    "X = Identity(f[3]); A = Mul(X, X); train.Gradient(X | xs=['X'] y='A')",
    // Chance.
    "Bernoulli(f[3] | seed=1.0)", "Multinomial(f[2,4] | sample_size=3 seed=1.0)",
    "A, B = Dropout(f[3], f[]{0.5}, b[]{1} | seed=3)", "RandomNormal(| shape=[3] seed=1.0)",
    "RandomNormalLike(f[3] | seed=1.0)", "RandomUniform(| shape=[3] seed=1.0)",
    "RandomUniformLike(f[3] | seed=1.0)",
    // Strings.
    "S = Cast(f[3] | to=8); RegexFullMatch(S | pattern='-?[0-9]+(\\.5)?')",
    "S = Cast(f[2] | to=8); T = StringConcat(S, s[1]{'1'}); Cast(T | to=1)",
    "S = StringNormalizer(s[3]{'a','B','c'} | case_change_action='UPPER' stopwords=['c']); "
    "Shape(S)",
    "S = Cast(f[2] | to=8); T, N = StringSplit(S | delimiter='.' maxsplit=1); Identity(N)",
    "TfIdfVectorizer(i64[6] | mode='TF' min_gram_length=1 max_gram_length=2 max_skip_count=1 "
    "ngram_counts=[0,2] ngram_indexes=[0,1,2,3] pool_int64s=[0,1,0,0,1,0])",
    "S = Cast(f[4] | to=8); T = Gather(S, i64[1]{-2}); Equal(S, T)",
    // Sequences, optionals, graphs in nodes.
    "S = SequenceEmpty(| dtype=1); T = SequenceInsert(S, f[3]); SequenceAt(T, i64[]{0})",
    "S = SequenceConstruct(f[3], f[2]); T = SequenceErase(S, i64[]{0}); SequenceLength(T)",
    "S = SplitToSequence(f[5], i64[]{2}); ConcatFromSequence(S | axis=0)",
    "S = SequenceConstruct(f[3], f[3]); T = SequenceMap(S | body={(E f[3]) F = Relu(E)}); "
    "ConcatFromSequence(T | axis=1 new_axis=1)",
    "O = Optional(f[3]); OptionalGetElement(O)", "O = Optional(f[3]); OptionalHasElement(O)",
    "X = Identity(f[3]); If(b[] | then_branch={A = Relu(X)} else_branch={B = Neg(X)})",
    "A, B = Loop(i64[]{3}, b[]{1}, f[2] | body={(I i64, C b, V f[2]) D = Identity(C); "
    "W = Neg(V); U = Abs(W) -> D, W, U})",
    "A, B = Scan(f[2], f[3,2] | num_scan_inputs=1 body={(S f[2], E f[2]) T = Add(S, E); "
    "F = Relu(E) -> T, F})",
    // Classical machine learning.
    "ml.ArrayFeatureExtractor(f[2,3], i64[2]{2,0})", "ml.Binarizer(f[3] | threshold=0.5)",
    "ml.CategoryMapper(s[3]{'y','z','x'} | cats_strings=['x','y'] cats_int64s=[4,6])",
    "S = ml.ZipMap(f[2,2] | classlabels_int64s=[7,1]); M = SequenceAt(S, i64[]{1}); "
    "ml.CastMap(M | map_form='SPARSE' max_map=9)",
    "S = ml.ZipMap(f[2,2] | classlabels_strings=['a','b']); M = SequenceAt(S, i64[]{0}); "
    "ml.DictVectorizer(M | string_vocabulary=['b','c','a'])",
    "ml.FeatureVectorizer(f[2,3], f[2,1] | inputdimensions=[3,1])",
    "ml.Imputer(f[2,2] | imputed_value_floats=[7.0,8.0] replaced_value_float=0.5)",
    "ml.LabelEncoder(i64[3] | keys_int64s=[0,1] values_floats=[0.5,2.0] default_float=1.0)",
    "A, B = ml.LinearClassifier(f[2,2] | coefficients=[1.0,0.5,0.0,1.0] intercepts=[0.0,1.0] "
    "classlabels_ints=[4,5] post_transform='SOFTMAX')",
    "ml.LinearRegressor(f[2,2] | coefficients=[1.0,2.0,0.5,1.0] intercepts=[0.5,1.0] targets=2)",
    "ml.Normalizer(f[2,2] | norm='L2')", "ml.OneHotEncoder(f[2] | cats_int64s=[1,3])",
    "ml.Scaler(f[1,2] | offset=[1.0,1.0] scale=[2.0,0.5])",
    "A, B = ml.SVMClassifier(f[2,2] | kernel_type='POLY' kernel_params=[0.5,0.0,3.0] "
    "vectors_per_class=[2,1] support_vectors=[0.0,1.0,2.0,1.0,0.5,1.0] coefficients=[1.0,0.5,1.0] "
    "rho=[0.25] prob_a=[0.5] prob_b=[0.1] classlabels_ints=[3,4] post_transform='LOGISTIC')",
    "ml.SVMRegressor(f[1,2] | kernel_type='RBF' kernel_params=[0.5,0.0,3.0] n_supports=2 "
    "support_vectors=[0.0,0.5,1.0,2.0] coefficients=[2.0,-1.0] rho=[0.25])",
    "ml5.TreeEnsemble(f[2,2] | n_targets=1 tree_roots=[0] nodes_modes=u8[2]{0,6} "
    "nodes_featureids=[0,1] nodes_splits=f[2]{0.5,2} nodes_truenodeids=[1,0] nodes_trueleafs=[0,1] "
    "nodes_falsenodeids=[2,1] nodes_falseleafs=[1,1] leaf_targetids=[0,0,0] "
    "leaf_weights=f[3]{1,2,3} membership_values=f[2]{1,2})",
    "A, B = ml.TreeEnsembleClassifier(f[2,2] | nodes_treeids=[0,0,0] nodes_nodeids=[0,1,2] "
    "nodes_featureids=[1,0,0] nodes_truenodeids=[1,0,0] nodes_falsenodeids=[2,0,0] "
    "nodes_values=[0.5,0.0,0.0] nodes_modes=['BRANCH_LT','LEAF','LEAF'] "
    "class_treeids=[0,0,0,0] class_nodeids=[1,1,2,2] class_ids=[0,1,0,1] "
    "class_weights=[1.0,2.0,3.0,0.5] classlabels_int64s=[3,5])",
    "ml.TreeEnsembleRegressor(f[2,2] | n_targets=2 nodes_treeids=[0,0,0,1] nodes_nodeids=[0,1,2,0] "
    "nodes_featureids=[1,0,0,0] nodes_truenodeids=[1,0,0,0] nodes_falsenodeids=[2,0,0,0] "
    "nodes_values=[0.5,0.0,0.0,0.0] nodes_modes=['BRANCH_LEQ','LEAF','LEAF','LEAF'] "
    "target_treeids=[0,0,1] target_nodeids=[1,2,0] target_ids=[0,1,1] target_weights=[1.0,2.0,0.5] "
    "base_values=[0.5,1.0] aggregate_function='AVERAGE')",
    // ONNX Runtime's own: fused, for language models, of 8 bits and fewer.
    "A, B = ms.Attention(f[2,3,4], f[4,12]{}, f[12], i32[2]{3,1}, f[2,2,2,1,2] | num_heads=2)",
    "A, B = ms.QAttention(u8[2,3,4], u8[4,12]{}, f[12]{}, f[]{.1}, f[]{.1}, i32[2]{3,1}, "
    "u8[]{2}, u8[]{1}, f[2,2,2,1,2] | num_heads=2 unidirectional=1)",
    "ms.MultiHeadAttention(f[1,3,4], f[1,2,4], f[1,2,4], f[12], i32[1,2]{1,0} | num_heads=2)",
    "A, B, C = ms.GroupQueryAttention(f[1,2,32], f[1,2,16], f[1,2,16], f[1,1,3,16], f[1,1,3,16], "
    "i32[1]{3}, i32[]{4}, f[8,8], f[8,8] | num_heads=2 kv_num_heads=1 do_rotary=1)",
    "A, B = ms.CausalConvWithState(f[1,2,4], f[2,1,3]{}, f[2], f[1,2,2] | activation='silu')",
    "A, B = ms.LinearAttention(f[1,2,4], f[1,2,4], f[1,2,4], f[1,2,2,2], f[1,2,2], f[1,2,2] | "
    "q_num_heads=2 kv_num_heads=2)",
    "A, B, C = ms.MultiHeadAttention(f[1,2,4], f[1,2,4], f[1,2,4], _, _, _, f[1,2,6,2], "
    "f[1,2,6,2], i32[1]{3} | num_heads=2)",
    "A, B, C = ms.GroupQueryAttention(f[1,2,32], f[1,2,16], f[1,2,16], f[1,1,4,16], f[1,1,4,16], "
    "i32[1]{7}, i32[1]{8}, _, _, _, _, f[2] | num_heads=2 kv_num_heads=1 sliding_window_cache=1 "
    "local_window_size=3)",
    "A, B, C = ms.GroupQueryAttention(f[1,2,64], _, _, i8[1,1,3,16], i8[1,1,3,16], i32[1]{4}, "
    "i32[1]{5}, _, _, _, _, _, f[1]{.01}, f[1]{.01} | num_heads=2 kv_num_heads=1 "
    "k_quant_type='PER_TENSOR' v_quant_type='PER_TENSOR' kv_cache_bit_width=8 smooth_softmax=1)",
    "A, B, C = ms.GroupQueryAttention(f[2,2,64], _, _, f[2,1,5,16], f[2,1,5,16], i32[2]{4,1}, "
    "i32[1]{5}, _, _, _, _, _, _, _, _, _, i32[2]{2,2} | num_heads=2 kv_num_heads=1)",
    "ms.MRotaryEmbedding(f[1,3,16], i64[3,1,3]{0,1,2,0,1,1,0,0,1}, f[4,4], f[4,4] | num_heads=2 "
    "mrope_section=[2,1,1])",
    "ms.GatedRMSNorm(f[2,8], f[4], f[2,8])",
    "ms.MatMulNBits(f[2,32], u8[3,2,8]{}, f[6]{}, f[6]{} | K=32 N=3 block_size=16)",
    "A, B = ms.EmbedLayerNormalization(i32[1,3], i32[1,3], f[5,4], f[4,4], f[2,4], f[4], f[4], "
    "i32[1,3]{1,1,0})",
    "ms.RotaryEmbedding(f[1,3,8], i64[1]{2}, f[8,2], f[8,2] | interleaved=1)",
    "A, _, _, B = ms.SkipLayerNormalization(f[1,2,4], f[1,2,4], f[4], f[4], f[4])",
    "ms.SkipSimplifiedLayerNormalization(f[1,2,4], f[1,2,4], f[4])", "ms.BiasGelu(f[2,9], f[9])",
    "ms.FastGelu(f[2,9], f[9])", "ms.Gelu(f[9])", "ms.QuickGelu(f[9])",
    "ms.FusedConv(f[1,2,3,3], f[2,2,2,2]{}, f[2]{} | activation='LeakyRelu' "
    "activation_params=[0.1])",
    "ms.FusedGemm(f[2,3], f[3,2]{}, f[2] | activation='Relu')",
    "ms.FusedMatMul(f[2,3,2], f[2,4,3] | transA=1 transB=1 alpha=0.5)",
    "ms.MatMulNBits(f[2,32], u8[3,2,8]{}, f[6]{}, u8[3]{} | K=32 N=3 bits=4 block_size=16)",
    "ms.MatMulNBits(f[20,24], u8[3,2,4], f[6], u8[3], _, f[3] | K=24 N=3 bits=2 block_size=16)",
    "ms.MatMulNBits(f[1,4], u8[2,1,16]{}, f[2]{}, _, i32[4]{0,0,0,0} | K=4 N=2 bits=8 "
    "block_size=16)",
    "ms.MatMulBnb4(f[2,32], u8[48]{}, f[6]{} | K=32 N=3 block_size=16 quant_type=1)",
    "ms.GatherBlockQuantized(u8[4,16]{}, i64[2,1]{3,-1}, f[4,2]{}, u8[4,1]{} | bits=4 "
    "block_size=16)",
    "ms.MoE(f[3,4], f[3,2], f[2,6,4]{}, f[2,6], f[2,4,6]{}, _ | k=2 activation_type='silu' "
    "normalize_routing_weights=1)",
    "ms.QMoE(f[3,32], f[3,2], u8[2,64,16]{}, f[2,64,2]{}, f[2,64]{}, u8[2,32,16]{}, "
    "f[2,32,2]{}, _, _, _, _, u8[2,64,1]{}, u8[2,32,1]{} | expert_weight_bits=4 block_size=16 "
    "activation_type='swiglu' activation_alpha=1.5 swiglu_limit=3.0 swiglu_fusion=1)",
    "A, B, C = ms.DynamicQuantizeLSTM(f[3,1,2], u8[1,2,12]{}, u8[1,3,12]{}, f[1,24]{}, _, "
    "f[1,1,3], f[1,1,3], _, f[1]{.1}, u8[1]{3}, f[1]{.1}, u8[1]{3} | hidden_size=3)",
    "ms.DynamicQuantizeMatMul(f[2,3], u8[3,2]{}, f[]{.1}, u8[]{3}, f[2]{})",
    "ms.MatMulIntegerToFloat(u8[2,3], u8[3,2]{}, f[]{.1}, f[]{.1}, u8[]{1}, u8[]{2}, f[2]{})",
    "ms.QGemm(u8[2,3], f[]{.1}, u8[]{3}, u8[3,2]{}, f[]{.1}, u8[]{2}, i32[2]{}, f[]{2}, u8[]{9})",
    "ms.QuantizeLinear(f[2,3], f[]{.1}, u8[]{3})",
    "ms.DequantizeLinear(u8[2,3], f[]{.1}, u8[]{3})",
    "ms.QLinearAdd(u8[2,3], f[]{.1}, u8[]{3}, u8[3], f[]{.1}, u8[]{3}, f[]{.2}, u8[]{4})",
    "ms.QLinearMul(u8[2,3], f[]{.1}, u8[]{3}, u8[3], f[]{.1}, u8[]{3}, f[]{.2}, u8[]{4})",
    "ms.QLinearAveragePool(u8[1,1,4,4], f[]{.1}, u8[]{3}, f[]{.1}, u8[]{3} | kernel_shape=[2,2])",
    "ms.QLinearConcat(f[]{.2}, u8[]{2}, u8[2], f[]{.1}, u8[]{1}, u8[3], f[]{.1}, u8[]{1} | axis=0)",
    "ms.QLinearGlobalAveragePool(u8[1,2,3,3], f[]{.1}, u8[]{3}, f[]{.1}, u8[]{3})",
    "ms.QLinearLeakyRelu(i8[3], f[]{.1}, i8[]{3}, f[]{.1}, i8[]{3} | alpha=0.1)",
    "ms.QLinearSigmoid(u8[3], f[]{.1}, u8[]{3}, f[]{0.01}, u8[]{3})",
    "ms.QLinearSoftmax(u8[2,3], f[]{.1}, u8[]{3}, f[]{0.01}, u8[]{3} | opset=13 axis=-1)",
    "ms.QLinearWhere(b[2,1], u8[2,3], f[]{.1}, u8[]{3}, u8[1,3], f[]{.2}, u8[]{9}, f[]{1}, u8[]{7})",
    "A, B = ms.QEmbedLayerNormalization(i32[1,3], i32[1,3], u8[5,4]{}, u8[4,4]{}, u8[2,4]{}, "
    "u8[4]{}, u8[4]{}, i32[1,3]{1,1,0}, f[]{.1}, f[]{.2}, f[]{.1}, f[]{.1}, f[]{.2}, u8[]{3}, "
    "u8[]{2}, u8[]{1}, u8[]{0}, u8[]{4})",
    // ONNX Runtime's own: what converters and older exporters write.
    "ms.CDist(f[3,2], f[2,2] | metric='euclidean')", "ms.Inverse(f[1,2,2])",
    "ms.GridSample(f[1,1,4,4], f[1,2,2,2] | mode='bicubic' padding_mode='border')",
    "ms.TransposeMatMul(f[2,2,3], f[2,4,3] | transB=1)", "ms.Trilu(f[2,3], i64[]{1} | upper=0)",
    "S = Cast(f[3] | to=8); ms.MurmurHash3(S | seed=42)", "ms.MurmurHash3(i64[3] | positive=0)",
    "S = Cast(f[3] | to=8); T = ms.Tokenizer(S | mark=1 mincharnum=1 pad_value='#' "
    "separators=['.','-']); Shape(T)",
    "S = Cast(f[3] | to=8); T = ms.Tokenizer(S | mark=0 mincharnum=1 pad_value='#' "
    "tokenexp='\\b\\w\\w+|-'); Shape(T)",
});
// clang-format on

}  // namespace

std::span<const std::string_view> OperatorTexts() { return kTexts; }

}  // namespace wnn::fuzz
