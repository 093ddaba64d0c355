import { ElementType, type parseDocument } from 'htmlparser2';

type Tree = ReturnType<typeof parseDocument>;
export type MarkupNode = Tree['children'][number];
export type MarkupElement = Extract<MarkupNode, { attribs: unknown }>;
type MarkupText = Extract<MarkupNode, { data: string; type: ElementType.ElementType.Text }>;
export type Markup = Tree | MarkupElement;

export function isElement(node: MarkupNode): node is MarkupElement {
  return 'attribs' in node;
}

export function isText(node: MarkupNode): node is MarkupText {
  return node.type === ElementType.Text;
}

export function elementsOf(node: Markup): MarkupElement[] {
  return node.children.filter(isElement);
}

/** All of it, at most as deep as the tree is. */
export function textOf(node: Markup): string {
  const parts: string[] = [];
  const collect = (within: Markup): void => {
    for (const child of within.children) {
      if (isText(child)) parts.push(child.data);
      else if (isElement(child)) collect(child);
    }
  };
  collect(node);
  return parts.join('');
}
