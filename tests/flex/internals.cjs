// Internals of Flex UI, which exports only a part of them. Its modules mark their exports as those of an ES module.
// This is how they are found while Flex UI loads.

const { defineProperty } = Object;

/**
 * Loads Flex UI with `load`. Returns its result, the exports of all modules, and `own`, which returns the export of the
 * module that defines a name. Other modules re-export the name through a getter.
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
