// Products of tensors along named axes. The functions are made of other operations and have no
// types of their own.
#include "ops/compose.h"
#include "ops/rules.h"
#include "ops/tables.h"

#include <algorithm>
#include <fmt/format.h>

namespace graphc {

namespace {

using Labels = std::string; // one character an axis; capitals beyond 'Z' stand for those of "..."

/// A tensor whose axes have labels.
struct Term {
  Tensor *tensor = nullptr;
  Labels labels;
};

bool has(const Labels &labels, char label) { return labels.find(label) != Labels::npos; }

class Einsum {
public:
  explicit Einsum(Call &call) : c_(call) {}

  Tensor *build() {
    if (!parse()) return nullptr;
    Term all = terms_[0];
    for (size_t i = 1; i < terms_.size() && all.tensor; ++i) {
      Labels later = output_;
      for (size_t k = i + 1; k < terms_.size(); ++k) later += terms_[k].labels;
      all = product(all, terms_[i], later);
    }
    all = reduced(all, output_);
    if (!all.tensor) return nullptr;
    std::vector<int64_t> perm;
    for (char label : output_) perm.push_back(int64_t(all.labels.find(label)));
    if (std::is_sorted(perm.begin(), perm.end())) return c_.named("Identity", {all.tensor});
    return c_.named("Transpose", {all.tensor}, {intsAttr("perm", c_.keep(perm))});
  }

private:
  bool fail(Code code, std::string message, std::string_view argument = "equation") {
    c_.fail(code, std::move(message), argument);
    return false;
  }

  bool parse() {
    std::string equation;
    for (char c : c_.text("equation"))
      if (c != ' ') equation += c;
    auto inputs = c_.tensors("inputs");
    size_t arrow = equation.find("->");
    std::string left = equation.substr(0, arrow);
    std::vector<std::string> subscripts(1);
    for (char c : left)
      if (c == ',')
        subscripts.emplace_back();
      else
        subscripts.back() += c;
    if (subscripts.size() != inputs.size())
      return fail(Code::AttributeRange,
                  fmt::format("the equation \"{}\" has {} operands, and einsum was given {}",
                              c_.text("equation"), subscripts.size(), inputs.size()));
    for (size_t i = 0; i < inputs.size(); ++i) {
      Tensor *t = inputs[i];
      if (!isNumeric(t->dtype) || t->dtype != inputs[0]->dtype)
        return fail(Code::OperandDTypes,
                    fmt::format("einsum needs operands of one numeric dtype, not {} and {}",
                                dtypeName(inputs[0]->dtype), dtypeName(t->dtype)),
                    "inputs");
      if (!t->shape.hasRank())
        return fail(Code::OperandShapes, "einsum needs operands of known rank", "inputs");
      Labels labels;
      if (!expand(subscripts[i], t->shape.rank(), labels)) return false;
      terms_.push_back({t, labels});
      if (!sizes(terms_.back())) return false;
    }
    if (arrow == std::string::npos) {
      // What occurs once, in alphabetical order, behind the axes of "...".
      Labels once;
      for (const Term &term : terms_)
        for (char label : term.labels) {
          long count = 0;
          for (const Term &other : terms_)
            count += std::count(other.labels.begin(), other.labels.end(), label);
          if ((count == 1 || label < 'A') && !has(once, label)) once += label;
        }
      std::sort(once.begin(), once.end());
      output_ = once;
      return true;
    }
    if (!expand(equation.substr(arrow + 2), -1, output_)) return false;
    for (char label : output_)
      if (!has(seen_, label))
        return fail(
            Code::AttributeRange,
            fmt::format("the label '{}' of einsum's result is none of its operands'", label));
    return true;
  }

  /// Letters to labels, with "..." written out: axes that it stands for are labelled '9', '8', …
  /// from the last one on.
  bool expand(const std::string &text, int rank, Labels &labels) {
    size_t dots = text.find("...");
    std::string letters = text;
    if (dots != std::string::npos) letters.erase(dots, 3);
    for (char c : letters)
      if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')))
        return fail(
            Code::AttributeRange,
            fmt::format("'{}' is no label of an axis: einsum's are letters, and \"...\" for "
                        "all further axes",
                        c));
    for (size_t i = 0; i < letters.size(); ++i)
      if (letters.find(letters[i], i + 1) != std::string::npos)
        return fail(
            Code::AttributeRange,
            fmt::format("the label '{}' stands twice in \"{}\": diagonals are not supported",
                        letters[i], text));
    int extra = rank < 0 ? int(ellipsis_) : rank - int(letters.size());
    if (extra < 0 || (dots == std::string::npos && rank >= 0 && extra != 0))
      return fail(Code::OperandShapes, fmt::format("\"{}\" labels {} axes, and the operand has {}",
                                                   text, letters.size(), rank));
    if (extra > 10) return fail(Code::AttributeRange, "\"...\" stands for more than 10 axes");
    labels = letters;
    if (dots == std::string::npos) return true;
    Labels more;
    for (int i = extra; i-- > 0;) more += char('9' - i);
    ellipsis_ = std::max(ellipsis_, size_t(extra));
    labels.insert(dots, more);
    return true;
  }

  /// A label has one size everywhere.
  bool sizes(const Term &term) {
    for (size_t i = 0; i < term.labels.size(); ++i) {
      char label = term.labels[i];
      Dim here = term.tensor->shape[int(i)];
      if (!has(seen_, label)) {
        seen_ += label;
        size_[static_cast<unsigned char>(label)] = here;
        continue;
      }
      Dim &known = size_[static_cast<unsigned char>(label)];
      if (known == here || !(known - here).isStatic()) {
        if (!known.isStatic()) known = here;
        continue;
      }
      return fail(Code::OperandShapes,
                  label < 'A' ? fmt::format("einsum's operands have sizes {} and {} under \"...\"",
                                            toString(known), toString(here))
                              : fmt::format("einsum's label '{}' has sizes {} and {}", label,
                                            toString(known), toString(here)),
                  "inputs");
    }
    return true;
  }

  Dim sizeOf(const Labels &labels) const {
    Dim product(1);
    for (char label : labels) product = product * size_[static_cast<unsigned char>(label)];
    return product;
  }

  /// Without the axes that are not wanted, summed up.
  Term reduced(const Term &term, const Labels &wanted) {
    std::vector<int64_t> axes;
    Labels left;
    for (size_t i = 0; i < term.labels.size(); ++i)
      if (has(wanted, term.labels[i]))
        left += term.labels[i];
      else
        axes.push_back(int64_t(i));
    if (axes.empty()) return term;
    return {sumOver(c_, term.tensor, axes, false), left};
  }

  /// The axes in the order of the labels, some of them merged to one.
  Tensor *arranged(const Term &term, const std::vector<Labels> &groups) {
    std::vector<int64_t> perm;
    std::vector<Dim> dims;
    for (const Labels &group : groups) {
      for (char label : group) perm.push_back(int64_t(term.labels.find(label)));
      dims.push_back(sizeOf(group));
    }
    Tensor *turned = transposeTo(c_, term.tensor, perm);
    return reshapeTo(c_, turned, dims);
  }

  /// Both as a batch of matrix products: labels that are in both and wanted later make the batch,
  /// those that are not are summed over.
  Term product(Term left, Term right, const Labels &wanted) {
    left = reduced(left, wanted + right.labels);
    right = reduced(right, wanted + left.labels);
    if (!left.tensor || !right.tensor) return {};
    Labels batch, rows, columns, inner;
    for (char label : left.labels)
      (!has(right.labels, label) ? rows : has(wanted, label) ? batch : inner) += label;
    for (char label : right.labels)
      if (!has(left.labels, label)) columns += label;
    Tensor *a = arranged(left, {batch, rows, inner}), *b = arranged(right, {batch, inner, columns});
    if (!a || !b) return {};
    Tensor *c =
        c_.op("MatMul", {a, b}, {boolAttr("transpose_a", false), boolAttr("transpose_b", false)});
    Labels labels = batch + rows + columns;
    std::vector<Dim> dims;
    for (char label : labels) dims.push_back(size_[static_cast<unsigned char>(label)]);
    return {reshapeTo(c_, c, dims), labels};
  }

  Call &c_;
  std::vector<Term> terms_;
  Labels output_, seen_;
  size_t ellipsis_ = 0; // axes that "..." stands for
  Dim size_[256];
};

Tensor *buildEinsum(Call &call) {
  if (call.tensors("inputs").empty())
    return call.fail(Code::WrongArguments, "einsum needs a tensor or more", "inputs");
  return Einsum(call).build();
}

constexpr FunctionDef functions[] = {
    {"einsum(equation: str, *inputs: [tensor])", "einsum", "Transpose",
     "Sums of products along named axes: `einsum(\"bij,bjk->bik\", a, b)`.\nEvery axis of an "
     "operand "
     "has a letter; axes of one letter have one size, and those that are not in the result are "
     "summed over. Without `->` the result has the letters that occur once, in alphabetical order. "
     "\"...\" stands for all further axes. A letter that stands twice in one operand (a diagonal) "
     "is "
     "not supported.\nOne numeric dtype; integers wrap.",
     buildEinsum},
};

} // namespace

std::span<const OpDef> einsumOps() { return {}; }
std::span<const FunctionDef> einsumFunctions() { return functions; }

} // namespace graphc
