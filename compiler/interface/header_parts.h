// What the two header writers share.
#pragma once

#include "interface/header.h"

namespace graphc {

/// "graphc 1.0.0"
std::string producer();

/// Lines of a comment that say what a function takes and gives, each begun with `prefix`.
std::string functionComment(const InterfaceFunction &function, std::string_view prefix);

/// A name that no parameter of the function has: `wanted`, with underscores added as needed.
std::string freeName(const InterfaceFunction &function, std::string wanted);

bool usesBool(const ModelInterface &model);

/// Whether an output's shape holds a function of dimensions, which only the shapes function knows.
bool hasComputedDims(const InterfaceFunction &function, Shape shape);

} // namespace graphc
