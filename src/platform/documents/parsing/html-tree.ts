import type { AnyNode, Document, Element } from 'domhandler';

export type Markup = Document | Element;
export type MarkupElement = Element;
export type MarkupNode = AnyNode;

export function isElement(node: MarkupNode): node is Element {
  return 'attribs' in node;
}

export function elementsOf(node: Markup): Element[] {
  return node.children.filter(isElement);
}

/** All of it, at most as deep as the tree is. */
export function textOf(node: Markup): string {
  const parts: string[] = [];
  const collect = (within: Markup): void => {
    for (const child of within.children) {
      if (child.type === 'text') parts.push(child.data);
      else if (isElement(child)) collect(child);
    }
  };
  collect(node);
  return parts.join('');
}

/** Without tags and their kind. */
export function isNamed(node: MarkupNode, names: ReadonlySet<string>): node is Element {
  return isElement(node) && names.has(node.name);
}
