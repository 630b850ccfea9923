#include <attile/result.h>

namespace attile {

std::string Error::text() const {
  std::string text = "error: " + message;
  for (const std::string& note : notes)
    text += "\nnote: " + note;
  if (!remedy.empty())
    text += "\nremedy: " + remedy;
  return text;
}

Error Error::in(const std::string& context) && {
  message = context + ": " + message;
  return std::move(*this);
}

} // namespace attile
