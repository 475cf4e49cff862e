#include "interface/tensor_file.h"

#include <graphrt/safetensors.h>

namespace graphc {

std::unique_ptr<TensorFile> TensorFile::open(const std::string &path, std::string &why) {
  std::unique_ptr<TensorFile> file(new TensorFile);
  if (graphrt_safetensors_open(path.c_str(), nullptr, &file->file_) != GRAPHRT_OK) {
    why = graphrt_message();
    return nullptr;
  }
  for (int64_t i = 0; i < graphrt_safetensors_count(file->file_); ++i) {
    const graphrt_safetensor *from = graphrt_safetensors_at(file->file_, i);
    FileTensor tensor;
    tensor.name = from->name;
    tensor.dtype = static_cast<DType>(from->dtype);
    tensor.dtypeName = from->dtype ? std::string(dtypeName(tensor.dtype)) : from->dtype_name;
    tensor.dims.assign(from->dims, from->dims + from->rank);
    tensor.bytes = static_cast<int64_t>(from->bytes);
    file->tensors_.push_back(std::move(tensor));
  }
  for (int64_t i = 0; i < graphrt_safetensors_metadata_count(file->file_); ++i) {
    const char *value = nullptr;
    const char *key = graphrt_safetensors_metadata_at(file->file_, i, &value);
    file->metadata_.emplace_back(key, value);
  }
  return file;
}

TensorFile::~TensorFile() { graphrt_safetensors_close(file_); }

bool TensorFile::read(size_t index, Array &array, std::string &why) const {
  const FileTensor &tensor = tensors_[index];
  if (tensor.dtype == DType::Invalid) {
    why = fmt::format("tensor '{}' is {}, which no dtype here is", tensor.name, tensor.dtypeName);
    return false;
  }
  // The header was held against the file's size: no more is promised than is there.
  array.reset(tensor.dtype, tensor.dims);
  if (array.bytes.empty() ||
      graphrt_safetensors_read(file_, graphrt_safetensors_at(file_, static_cast<int64_t>(index)), 0,
                               array.bytes.data(), array.bytes.size()) == GRAPHRT_OK)
    return true;
  why = graphrt_message();
  return false;
}

bool writeTensors(const std::string &path,
                  const std::vector<std::pair<std::string, Array>> &tensors,
                  const Metadata &metadata, std::string &why) {
  std::vector<graphrt_safetensor_source> sources;
  for (const auto &[name, array] : tensors)
    sources.push_back({name.c_str(), static_cast<int32_t>(array.dtype),
                       static_cast<int32_t>(array.dims.size()), array.dims.data(),
                       array.bytes.data()});
  std::vector<graphrt_metadata> entries;
  for (const auto &[key, value] : metadata) entries.push_back({key.c_str(), value.c_str()});
  if (graphrt_safetensors_write(path.c_str(), sources.data(), static_cast<int64_t>(sources.size()),
                                entries.data(), static_cast<int64_t>(entries.size()),
                                nullptr) == GRAPHRT_OK)
    return true;
  why = graphrt_message();
  return false;
}

} // namespace graphc
