#include <attile/result.h>

namespace attile {

std::string Error::text() const {
  if (message.ends_with('\n')) // findings about a spec, which say themselves where and that they are errors
    return message.substr(0, message.find_last_not_of('\n') + 1);
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
