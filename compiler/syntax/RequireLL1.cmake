# Fails if the generated parser predicts with more than one token anywhere.
file(STRINGS "${PARSER}" found REGEX "adaptivePredict")
if(found)
  file(REMOVE "${PARSER}")
  message(FATAL_ERROR "the grammar is not LL(1): ${found}")
endif()
