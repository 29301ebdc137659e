-- Links from a Markdown file to another become links between pages; in the one file of the PDF they are words, and its pictures are
-- where the metadata "pictures" says.
local pictures

local function link(l)
  if l.target:match("^%a+://") or l.target:match("^#") then
    return nil
  end
  if pictures then
    return l.content
  end
  l.target = l.target:gsub("%.md$", ".html"):gsub("%.md#", ".html#")
  return l
end

local function picture(i)
  if pictures then
    i.src = pictures .. "/" .. i.src
  end
  return i
end

return {
  { Meta = function(m) pictures = m.pictures and pandoc.utils.stringify(m.pictures) end },
  { Link = link, Image = picture },
}
