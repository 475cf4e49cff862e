// Interned names: equal text, equal number, in all files of a compilation.
#pragma once

#include "syntax/arena.h"

#include <functional>
#include <string_view>
#include <vector>

namespace graphc {

/// An interned name. 0 is no name.
struct Symbol {
  uint32_t id = 0;

  explicit operator bool() const { return id != 0; }
  bool operator==(const Symbol &) const = default;
  auto operator<=>(const Symbol &) const = default;
};

class Symbols {
public:
  Symbols();

  Symbol intern(std::string_view text);
  /// The symbol of `text` if it was ever interned, else no symbol.
  Symbol find(std::string_view text) const;
  /// Lives as long as this table.
  std::string_view text(Symbol symbol) const { return texts_[symbol.id]; }
  /// Every symbol's id is below this.
  size_t size() const { return texts_.size(); }

private:
  struct Slot {
    uint32_t hash = 0, id = 0; // id 0: free
  };
  void rehash();

  Arena arena_;
  std::vector<std::string_view> texts_;
  std::vector<Slot> slots_; // open addressing, size a power of two
};

} // namespace graphc

template <>
struct std::hash<graphc::Symbol> {
  size_t operator()(graphc::Symbol s) const noexcept { return s.id * size_t(0x9E3779B97F4A7C15); }
};
