// What Flex UI has inside, of which it exports little. Its modules mark their exports as an ES module's, by which they are
// found while it loads.

const { defineProperty } = Object;

/**
 * Loads Flex UI by `load`, and returns what that returns, the exports of all its modules, and `own`: what the module that
 * defines a name exports under it. Other modules only pass it on, by a getter.
 */
function loadFlex(load) {
  const modules = [];
  Object.defineProperty = (object, name, property) => {
    if (name === "__esModule") modules.push(object);
    return defineProperty(object, name, property);
  };
  try {
    return { Flex: load(), modules, own: (name) => own(modules, name) };
  } finally {
    Object.defineProperty = defineProperty;
  }
}

function own(modules, name) {
  const defining = modules.find((module) => Object.getOwnPropertyDescriptor(module, name)?.value);
  if (!defining) throw new Error(`Flex UI has no ${name} of its own`);
  return defining[name];
}

module.exports = { loadFlex };
