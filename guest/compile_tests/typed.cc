// Mistakes that wasi_nn.hpp turns into errors of the compiler. See compile_test.py.
//
// CASE elements: the input is declared with another element type
// CASE view_elements: the input is declared with another element type
// CASE rank: the input is declared with another rank, or other dimensions
// CASE extent: the input is declared with another rank, or other dimensions
// CASE column_major: a tensor is row-major: use layout_right
// CASE scalar: the value of an input is an mdspan or a range of elements
// CASE array_size: the array's elements do not fill the input as it is declared
// CASE two_open: several dimensions are open: give an mdspan
// CASE name: define WASI_NN_EXTENSION
// CASE no_element: no matching member function for call to 'SetInput'
// CASE text: no matching member function for call to 'SetInput'
// CASE bool_vector: no matching member function for call to 'SetInput'
// CASE const_view: the output is written to the view
// CASE output_elements: no viable
// CASE into_elements: the output is declared with another element type
// CASE into_rank: the output is declared with another rank, or other dimensions
// CASE into_const: the output is declared with another element type
// CASE ignored: nodiscard
#include "wasi_nn.hpp"

constexpr wasi_nn::Input<float, wasi_nn::kAny, 3> kPoints{0};
constexpr wasi_nn::Input<float, wasi_nn::kAny, wasi_nn::kAny> kMatrix{1};
constexpr wasi_nn::Output<float, wasi_nn::kAny, 2> kScores{0};

#if defined(WRONG_name)
using Name = const char*;
constexpr wasi_nn::Input<float, 3> kNamed{"points"};
#endif

void Use(const wasi_nn::Context& context) {
#if defined(WRONG_elements)
  const std::vector<double> points(6);
#else
  const std::vector<float> points(6);
#endif
  (void)context.Set(kPoints, points).has_value();

#if defined(WRONG_view_elements)
  const int data[6] = {};
#else
  const float data[6] = {};
#endif
#if defined(WRONG_rank)
  (void)context.Set(kPoints, std::mdspan(data, 1, 2, 3)).has_value();
#elif defined(WRONG_extent)
  (void)context.Set(kPoints, std::mdspan(data, std::extents<int, 3, 2>())).has_value();
#elif defined(WRONG_column_major)
  using Extents = std::extents<int, 2, 3>;
  using View = std::mdspan<const float, Extents, std::layout_left>;
  (void)context.Set(kPoints, View(data, Extents())).has_value();
#elif defined(WRONG_scalar)
  (void)context.Set(kPoints, 1.0F).has_value();
#else
  (void)context.Set(kPoints, std::mdspan(data, std::extents<int, 2, 3>())).has_value();
#endif

#if defined(WRONG_array_size)
  (void)context.Set(kPoints, std::array<float, 5>{}).has_value();
#else
  (void)context.Set(kPoints, std::array<float, 6>{}).has_value();
#endif

#if defined(WRONG_two_open)
  (void)context.Set(kMatrix, points).has_value();
#else
  (void)context.Set(kMatrix, std::mdspan(points.data(), 2, 3)).has_value();
#endif

#if defined(WRONG_no_element)
  (void)context.SetInput(0, {2}, std::vector<char16_t>(2)).has_value();
#elif defined(WRONG_text)
  (void)context.SetInput(0, {2}, std::string("ab")).has_value();
#elif defined(WRONG_bool_vector)
  (void)context.SetInput(0, {2}, std::vector<bool>(2)).has_value();
#else
  (void)context.SetInput(0, {2}, std::vector<long long>(2)).has_value();
  (void)context.SetInput(0, {2}, wasi_nn::Bools{true, false}).has_value();
  (void)context.SetInput(0, {2}, std::vector<std::uint16_t>(2)).has_value();
#endif

  float out[6] = {};
#if defined(WRONG_const_view)
  (void)context.GetOutputInto(0, std::mdspan(data, 2, 3)).has_value();
#else
  (void)context.GetOutputInto(0, std::mdspan(out, 2, 3)).has_value();
#endif

#if defined(WRONG_into_elements)
  int into[2] = {};
#elif defined(WRONG_into_const)
  const float into[2] = {};
#else
  float into[2] = {};
#endif
#if defined(WRONG_into_rank)
  (void)context.GetInto(kScores, std::mdspan(into, 1, 2, 1)).has_value();
#else
  (void)context.GetInto(kScores, std::mdspan(into, 1, 2)).has_value();
#endif

#if defined(WRONG_output_elements)
  wasi_nn::Result<wasi_nn::TypedTensor<double, wasi_nn::kAny, 2>> scores = context.Get(kScores);
#else
  wasi_nn::Result<wasi_nn::TypedTensor<float, wasi_nn::kAny, 2>> scores = context.Get(kScores);
#endif
  (void)scores.has_value();

#if defined(WRONG_ignored)
  context.Compute();
#else
  (void)context.Compute().has_value();
#endif
}
