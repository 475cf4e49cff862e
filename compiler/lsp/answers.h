// What the server answers about a place in a definition. Offsets are bytes of the definition's own
// file; a null answer means that there is nothing to say.
#pragma once

#include "lsp/analysis.h"
#include "lsp/places.h"

namespace graphc {

/// Markdown: a tensor's name, dtype and shape; a variable's and where it is shared; a function's
/// header and docstring; what the library says.
Json hover(const Analysis &analysis, uint32_t offset);
/// Where the name is bound, in this file or an imported one; of a call that shares a variable,
/// where that was made.
Json definition(const Analysis &analysis, uint32_t offset);
/// Every place of the name; of a call that makes or shares variables, all calls that do.
Json references(const Analysis &analysis, uint32_t offset, bool withDeclaration);
Json highlights(const Analysis &analysis, uint32_t offset);
/// Names that can be read there, members of an import, parameters of the call around, keywords.
Json completion(const Analysis &analysis, uint32_t offset);
/// Functions, exports, params and names of the file.
Json documentSymbols(const Analysis &analysis);
/// The range of a name that can be renamed.
Json renameRange(const Analysis &analysis, uint32_t offset);
/// Edits of this file. Null, with the reason in `why`, where it can't be renamed so.
Json renameEdits(const Analysis &analysis, uint32_t offset, const std::string &name,
                 std::string &why);

} // namespace graphc
