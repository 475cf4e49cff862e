// The builder's actions of strings: joined literals and f-strings.
#include "syntax/builder.h"

namespace graphc {

void AstBuilder::beginStrings() { pushFrame(current().begin, parts_.size()); }

void AstBuilder::string() {
  FStringPart part;
  part.text = last().text;
  part.begin = last().begin;
  part.end = last().end;
  parts_.push_back(part);
}

void AstBuilder::endStrings() {
  Frame frame = popFrame();
  std::span<FStringPart> parts(parts_.data() + frame.items, parts_.size() - frame.items);
  if (parts.size() == 1 && !parts[0].value) {
    auto *made = node<StringExpr>(frame.begin, last().end);
    made->value = parts[0].text;
    parts_.resize(frame.items);
    return push(made);
  }
  // Neighbouring texts become one.
  std::vector<FStringPart> joined;
  uint32_t height = 0;
  for (size_t i = 0; i < parts.size();) {
    if (parts[i].value) {
      height = std::max<uint32_t>(height, parts[i].value->height);
      for (const FStringPart &inner : parts[i].format)
        if (inner.value) height = std::max<uint32_t>(height, inner.value->height);
      joined.push_back(parts[i++]);
      continue;
    }
    FStringPart text = parts[i];
    std::string whole;
    size_t next = i + 1;
    while (next < parts.size() && !parts[next].value) ++next;
    if (next > i + 1) {
      for (size_t k = i; k < next; ++k) whole += parts[k].text;
      text.text = arena_.copy(whole);
      text.end = parts[next - 1].end;
    }
    i = next;
    joined.push_back(text);
  }
  parts_.resize(frame.items);
  if (joined.size() <= 1 && height == 0) {
    auto *made = node<StringExpr>(frame.begin, last().end);
    if (!joined.empty()) made->value = joined[0].text;
    return push(made);
  }
  auto *made = node<FStringExpr>(frame.begin, last().end);
  made->parts = arena_.copy(joined.data(), joined.size());
  raise(made, height + 1);
  push(made);
}

void AstBuilder::fstringText() { string(); }

void AstBuilder::fstringOpen() {
  FStringPart field;
  field.begin = last().begin;
  fields_.push_back(field);
  deeper();
}

void AstBuilder::fstringValue() { fields_.back().value = pop(); }

void AstBuilder::fstringEqual() {
  string();
  fields_.back().conversion = '='; // 'r', unless something else is asked for
}

void AstBuilder::fstringConversion() { fields_.back().conversion = char(last().integer); }

void AstBuilder::fstringFormat() {
  if (fields_.back().conversion == '=') fields_.back().conversion = 0;
  fields_.back().hasFormat = true;
  pushFrame(last().end, parts_.size());
}

void AstBuilder::endFstringFormat() {
  Frame frame = popFrame();
  fields_.back().format = take(parts_, frame.items);
}

void AstBuilder::fstringClose() {
  FStringPart field = fields_.back();
  fields_.pop_back();
  if (field.conversion == '=') field.conversion = 'r';
  field.end = last().end;
  parts_.push_back(field);
  shallower();
}

} // namespace graphc
