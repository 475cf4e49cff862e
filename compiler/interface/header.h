// The headers of a compiled definition: NAME.h (C11, usable from C++) and NAME.hpp (C++20).
#pragma once

#include "interface/plan.h"

#include <string>

namespace graphc {

/// `source` names the definition in the first line; a file's name without folders, so that the
/// header does not depend on where it is built.
std::string cHeader(const ModelInterface &model, std::string_view source);
std::string cppHeader(const ModelInterface &model, std::string_view source);

/// An element's type in the generated interface: "float"; 16-bit floats are their bits, uint16_t.
std::string_view cType(DType dtype);

} // namespace graphc
