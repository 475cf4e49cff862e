#include "interface/npy.h"

#include "interface/elements.h"

#include <algorithm>
#include <bit>
#include <cstring>

namespace graphc {

namespace {

static_assert(std::endian::native == std::endian::little, "npyBytes writes the memory as it is");

constexpr std::string_view magic = "\x93NUMPY";
constexpr size_t longestHeader = 1 << 20;
constexpr size_t highestRank = 64; // NumPy's own limit

struct Header {
  std::string descr;
  bool fortran = false;
  std::vector<int64_t> shape;
};

/// The header: a dictionary as Python would print it, with exactly three keys.
class HeaderParser {
public:
  explicit HeaderParser(std::string_view text) : text_(text) {}

  bool parse(Header &header) {
    bool seen[3] = {};
    if (!accept('{')) return false;
    while (!accept('}')) {
      std::string key;
      if (!string(key) || !accept(':')) return false;
      int which = key == "descr" ? 0 : key == "fortran_order" ? 1 : key == "shape" ? 2 : -1;
      if (which < 0 || seen[which]) return false;
      seen[which] = true;
      bool fine = which == 0   ? string(header.descr)
                  : which == 1 ? boolean(header.fortran)
                               : tuple(header.shape);
      if (!fine) return false;
      if (!accept(',')) {
        if (!accept('}')) return false;
        break;
      }
    }
    skipBlanks();
    return at_ == text_.size() && seen[0] && seen[1] && seen[2];
  }

private:
  void skipBlanks() {
    while (at_ < text_.size() && std::strchr(" \t\n\r", text_[at_]) && text_[at_]) ++at_;
  }
  bool accept(char c) {
    skipBlanks();
    if (at_ >= text_.size() || text_[at_] != c) return false;
    ++at_;
    return true;
  }
  bool string(std::string &out) {
    skipBlanks();
    if (at_ >= text_.size() || (text_[at_] != '\'' && text_[at_] != '"')) return false;
    char quote = text_[at_++];
    size_t end = text_.find(quote, at_);
    if (end == std::string_view::npos) return false;
    out = text_.substr(at_, end - at_);
    at_ = end + 1;
    return out.find('\\') == std::string::npos;
  }
  bool boolean(bool &out) {
    skipBlanks();
    for (std::string_view word : {"True", "False"}) {
      if (!text_.substr(at_).starts_with(word)) continue;
      at_ += word.size();
      out = word == "True";
      return true;
    }
    return false;
  }
  bool tuple(std::vector<int64_t> &out) {
    if (!accept('(')) return false;
    while (!accept(')')) {
      int64_t value = 0;
      skipBlanks();
      size_t begin = at_;
      for (; at_ < text_.size() && text_[at_] >= '0' && text_[at_] <= '9'; ++at_)
        if (__builtin_mul_overflow(value, 10, &value) ||
            __builtin_add_overflow(value, text_[at_] - '0', &value))
          return false;
      if (at_ == begin || out.size() == highestRank) return false;
      if (at_ < text_.size() && text_[at_] == 'L') ++at_; // Python 2 wrote longs so
      out.push_back(value);
      if (!accept(',')) return accept(')');
    }
    return true;
  }

  std::string_view text_;
  size_t at_ = 0;
};

/// The dtype of a description such as "<f4"; `swapped` if its bytes stand the other way round.
std::optional<DType> dtypeOf(std::string_view descr, bool &swapped) {
  if (descr.size() != 3) return std::nullopt;
  char order = descr[0];
  if (!std::strchr("<>|=", order)) return std::nullopt;
  swapped = order == '>';
  struct Entry {
    std::string_view code;
    DType dtype;
  };
  static constexpr Entry table[] = {
      {"f2", DType::Float16}, {"V2", DType::BFloat16}, {"f4", DType::Float32},
      {"f8", DType::Float64}, {"i1", DType::Int8},     {"i2", DType::Int16},
      {"i4", DType::Int32},   {"i8", DType::Int64},    {"u1", DType::UInt8},
      {"u2", DType::UInt16},  {"u4", DType::UInt32},   {"u8", DType::UInt64},
      {"b1", DType::Bool},
  };
  for (const Entry &entry : table)
    if (entry.code == descr.substr(1)) return entry.dtype;
  return std::nullopt;
}

std::string_view codeOf(DType dtype) {
  switch (dtype) {
  case DType::Float16:
    return "<f2";
  case DType::BFloat16:
    return "<V2";
  case DType::Float32:
    return "<f4";
  case DType::Float64:
    return "<f8";
  case DType::Int8:
    return "|i1";
  case DType::Int16:
    return "<i2";
  case DType::Int32:
    return "<i4";
  case DType::Int64:
    return "<i8";
  case DType::UInt8:
    return "|u1";
  case DType::UInt16:
    return "<u2";
  case DType::UInt32:
    return "<u4";
  case DType::UInt64:
    return "<u8";
  case DType::Bool:
    return "|b1";
  case DType::Invalid:
    break;
  }
  return "|V1";
}

/// From the first dimension running fastest to the last one.
std::vector<std::byte> toRowMajor(const std::vector<std::byte> &from,
                                  const std::vector<int64_t> &dims, size_t size) {
  std::vector<std::byte> to(from.size());
  size_t rank = dims.size(), count = size ? from.size() / size : 0;
  std::vector<size_t> stride(rank), index(rank);
  for (size_t d = 0, step = 1; d < rank; ++d) {
    stride[d] = step;
    step *= dims[d];
  }
  size_t source = 0;
  for (size_t i = 0; i < count; ++i) {
    std::memcpy(to.data() + i * size, from.data() + source * size, size);
    for (size_t d = rank; d-- > 0;) {
      source += stride[d];
      if (++index[d] < static_cast<size_t>(dims[d])) break;
      source -= stride[d] * dims[d];
      index[d] = 0;
    }
  }
  return to;
}

bool readHeader(ByteSource &file, Header &header, std::string &why) {
  char start[8];
  auto failed = [&](std::string_view otherwise) {
    why = file.failure().empty() ? otherwise : file.failure();
    return false;
  };
  if (!file.read(start, sizeof start) || !isNpy(std::string_view(start, sizeof start)))
    return failed("is not a .npy file");
  unsigned char length[4] = {};
  int lengthBytes = start[6] == 1 ? 2 : 4;
  if (start[6] < 1 || start[6] > 3) {
    why = fmt::format("has version {} of the .npy format; 1 to 3 are known", int(start[6]));
    return false;
  }
  if (!file.read(length, lengthBytes)) return failed("has a header that is cut off");
  uint32_t size = length[0] | length[1] << 8 | length[2] << 16 | uint32_t(length[3]) << 24;
  if (size > longestHeader) {
    why = fmt::format("claims a header of {} bytes", size);
    return false;
  }
  std::string text(size, '\0');
  if (!file.read(text.data(), size)) return failed("has a header that is cut off");
  if (!HeaderParser(text).parse(header)) {
    why = "has a header that is malformed, or describes no plain array";
    return false;
  }
  return true;
}

} // namespace

bool isNpy(std::string_view start) { return start.starts_with(magic); }

std::optional<Array> readNpy(ByteSource &file, std::string &why) {
  Header header;
  if (!readHeader(file, header, why)) return std::nullopt;
  bool swapped = false;
  std::optional<DType> dtype = dtypeOf(header.descr, swapped);
  if (!dtype) {
    why = fmt::format("holds elements of type '{}', which no dtype here is", header.descr);
    return std::nullopt;
  }
  Array array;
  array.dtype = *dtype;
  array.dims = header.shape;
  if (!readElements(file, array, swapped, why)) return std::nullopt;
  if (header.fortran && array.dims.size() > 1)
    array.bytes = toRowMajor(array.bytes, array.dims, dtypeSize(*dtype));
  if (*dtype == DType::Bool) // any byte but 0 is True to NumPy; here it must be 1
    for (std::byte &b : array.bytes) b = std::byte(b != std::byte(0));
  return array;
}

std::optional<Array> readNpy(const std::string &path, std::string &why) {
  auto file = openBytes(path, why);
  return file ? readNpy(*file, why) : std::nullopt;
}

std::string npyBytes(DType dtype, std::span<const int64_t> dims, std::span<const std::byte> data) {
  std::string shape;
  for (int64_t dim : dims) shape += fmt::format("{}{}", shape.empty() ? "" : ", ", dim);
  if (dims.size() == 1) shape += ',';
  std::string header = fmt::format("{{'descr': '{}', 'fortran_order': False, 'shape': ({}), }}",
                                   codeOf(dtype), shape);
  // The data begins at a multiple of 64 bytes; 10 come before the header's text.
  size_t total = (10 + header.size() + 1 + 63) / 64 * 64;
  header.append(total - 10 - header.size() - 1, ' ');
  header += '\n';
  std::string out(magic);
  out += '\x01';
  out += '\0';
  out += static_cast<char>(header.size() & 0xFF);
  out += static_cast<char>(header.size() >> 8);
  out += header;
  out.append(reinterpret_cast<const char *>(data.data()), data.size());
  return out;
}

} // namespace graphc
