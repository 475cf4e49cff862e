// A safetensors file as tensors by name, without a definition: what `graphc checkpoint` works on.
#pragma once

#include "interface/weights.h"
#include "ops/op.h"

#include <memory>
#include <string>
#include <vector>

struct graphrt_safetensors;

namespace graphc {

/// One tensor of a file.
struct FileTensor {
  std::string name;
  std::string dtypeName; // "float32", or the format's own name where no dtype here is ("F8_E4M3")
  DType dtype = DType::Invalid; // Invalid: none here
  std::vector<int64_t> dims;
  int64_t bytes = 0;
};

/// An open file: its header, checked; tensors are read one by one.
class TensorFile {
public:
  /// Null, with the reason in `why` (it names the file).
  static std::unique_ptr<TensorFile> open(const std::string &path, std::string &why);
  ~TensorFile();
  TensorFile(const TensorFile &) = delete;
  TensorFile &operator=(const TensorFile &) = delete;

  /// In the order of their names.
  const std::vector<FileTensor> &tensors() const { return tensors_; }
  const Metadata &metadata() const { return metadata_; }
  /// False, with the reason in `why`, if the tensor can't be read or has no dtype here.
  bool read(size_t index, Array &array, std::string &why) const;

private:
  TensorFile() = default;
  graphrt_safetensors *file_ = nullptr;
  std::vector<FileTensor> tensors_;
  Metadata metadata_;
};

/// Writes tensors to a safetensors file, whole or not at all. False with the reason in `why`.
bool writeTensors(const std::string &path,
                  const std::vector<std::pair<std::string, Array>> &tensors,
                  const Metadata &metadata, std::string &why);

} // namespace graphc
