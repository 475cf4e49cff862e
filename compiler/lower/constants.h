// Constant data in a module, as C lays it out.
#pragma once

#include <llvm/IR/Constants.h>
#include <llvm/IR/Module.h>
#include <map>
#include <string>
#include <vector>

namespace graphc::lower {

class ConstantData {
public:
  explicit ConstantData(llvm::Module &module) : module_(module), context_(module.getContext()) {}

  llvm::Constant *i32(int64_t v) { return number(llvm::Type::getInt32Ty(context_), v); }
  llvm::Constant *i64(int64_t v) { return number(llvm::Type::getInt64Ty(context_), v); }
  llvm::Constant *null() {
    return llvm::ConstantPointerNull::get(llvm::PointerType::get(context_, 0));
  }
  llvm::Constant *orNull(llvm::Constant *value) { return value ? value : null(); }

  llvm::Constant *text(const std::string &text) {
    auto &made = texts_[text];
    if (!made) made = place(llvm::ConstantDataArray::getString(context_, text), "graphc.text");
    return made;
  }

  static llvm::Constant *structure(const std::vector<llvm::Constant *> &members) {
    return llvm::ConstantStruct::getAnon(members);
  }

  /// An array in memory of its own; null if it is empty.
  llvm::Constant *array(const std::vector<llvm::Constant *> &elements, const char *name) {
    if (elements.empty()) return null();
    auto *type = llvm::ArrayType::get(elements[0]->getType(), elements.size());
    return place(llvm::ConstantArray::get(type, elements), name);
  }
  llvm::Constant *integers(const std::vector<int64_t> &values, const char *name) {
    std::vector<llvm::Constant *> elements;
    for (int64_t v : values) elements.push_back(i64(v));
    return array(elements, name);
  }
  llvm::Constant *smallIntegers(const std::vector<int> &values, const char *name) {
    std::vector<llvm::Constant *> elements;
    for (int v : values) elements.push_back(i32(v));
    return array(elements, name);
  }
  llvm::Constant *texts(const std::vector<std::string> &values, const char *name) {
    std::vector<llvm::Constant *> elements;
    for (const auto &v : values) elements.push_back(text(v));
    return array(elements, name);
  }

private:
  static llvm::Constant *number(llvm::Type *type, int64_t v) {
    return llvm::ConstantInt::get(type, uint64_t(v), true);
  }
  llvm::Constant *place(llvm::Constant *contents, const char *name) {
    return new llvm::GlobalVariable(module_, contents->getType(), true,
                                    llvm::GlobalValue::InternalLinkage, contents, name);
  }

  llvm::Module &module_;
  llvm::LLVMContext &context_;
  std::map<std::string, llvm::Constant *> texts_;
};

} // namespace graphc::lower
