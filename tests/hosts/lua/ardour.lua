-- What the tests ask of Ardour, for `ardour7-lua -i ardour.lua BACKEND FOLDER`: opens the project in the folder or makes one, and
-- then answers each call of `answer`, typed as a line on standard input, with one line. `src/daw/ardour.rs` types them.

local NAME, RATE_HZ = "project", 48000
local BY_HAND = ARDOUR.TransportRequestSource.TRS_UI

-- Says what a call has returned, under its number.
function answer(number, call)
	local fine, said = pcall(call)
	io.stdout:write(string.format("\n= %d %s %s\n", number, fine and "yes" or "no", tostring(said):gsub("\n", " ")))
	io.stdout:flush()
end

local function open_or_make(backend, folder)
	assert(AudioEngine:set_backend(backend, "ardour", ""), "no backend " .. backend)
	local file = io.open(folder .. "/" .. NAME .. ".ardour")
	if file then file:close() end
	local session = (file and load_session or create_session)(folder, NAME, RATE_HZ)
	return assert(session, "no session in " .. folder)
end

local function track(class)
	local found = Session:route_by_name(class)
	assert(not found:isnil(), "no track " .. class)
	return found
end

-- The plugin on the track of that name, whatever else is on it.
local function insert(class)
	local index = 0
	while true do
		local processor = track(class):nth_plugin(index)
		assert(not processor:isnil(), "no plugin " .. class)
		local found = processor:to_insert()
		if found:plugin(0):name() == class then return processor, found end
		index = index + 1
	end
end

-- All parameters that are the user's, as {index, label, lower, upper}.
local function parameters(class)
	local processor, found = insert(class)
	local plugin, all = found:plugin(0), {}
	for index = 0, plugin:parameter_count() - 1 do
		if plugin:parameter_is_input(index) then
			local _, descriptor = plugin:get_parameter_descriptor(index, ARDOUR.ParameterDescriptor())
			descriptor = descriptor[2]
			table.insert(all, { index = index, label = plugin:parameter_label(index), lower = descriptor.lower, upper = descriptor.upper })
		end
	end
	return all, processor
end

-- What the plugin itself says that a parameter is.
local function value(processor, one)
	return (ARDOUR.LuaAPI.get_processor_param(processor, one.index, true))
end

-- A track of the plugin's name that plays its input through the plugin.
function add(class)
	local made = Session:new_audio_track(2, 2, nil, 1, class, ARDOUR.PresentationInfo.max_order, ARDOUR.TrackMode.Normal, true):front()
	made:to_track():monitoring_control():set_value(ARDOUR.MonitorChoice.MonitorInput, PBD.GroupControlDisposition.NoGroup)
	local plugin = ARDOUR.LuaAPI.new_plugin(Session, class, ARDOUR.PluginType.VST3, "")
	assert(not plugin:isnil(), "Ardour knows no plugin " .. class)
	assert(made:add_processor_by_index(plugin, 0, nil, true) == 0, "the plugin does not fit on the track")
	-- Ardour does so by itself only where the sound card has ports.
	for channel = 0, made:n_outputs():n_audio() - 1 do
		made:output():audio(channel):connect("Master/audio_in " .. channel % 2 + 1)
	end
	return string.format("%d in, %d out", plugin:input_streams():n_audio(), plugin:output_streams():n_audio())
end

-- Noise that goes into the plugin.
function noise(class)
	local generator = ARDOUR.LuaAPI.new_luaproc(Session, "ACE Noise")
	assert(not generator:isnil(), "Ardour has no noise")
	assert(track(class):add_processor_by_index(generator, 0, nil, true) == 0, "noise does not fit on the track")
end

-- Ardour's own button on the plugin.
function bypass(class) return insert(class):deactivate() end

-- Waits until the plugin has processed blocks: a VST3 plugin knows of a change by its next block, and a project that is saved
-- before that is without it.
local function pass_blocks()
	local begun = AudioEngine:processed_samples()
	while AudioEngine:processed_samples() < begun + 8192 do sleep(0.01) end
end

-- Everything the plugin has, as one line: label=value, in order.
function values(class)
	local all, processor = parameters(class)
	local said = {}
	for _, one in ipairs(all) do
		said[#said + 1] = string.format("%s=%.4f", one.label, value(processor, one))
	end
	return table.concat(said, ";")
end

function set(class, label, value)
	for _, one in ipairs((parameters(class))) do
		if one.label == label then
			assert(ARDOUR.LuaAPI.set_processor_param(insert(class), one.index, value))
			return pass_blocks()
		end
	end
	error("no parameter " .. label)
end

-- Every parameter somewhere else: at its least, its middle or its most.
function move_all(class)
	local all, processor = parameters(class)
	for number, one in ipairs(all) do
		local share = (number % 3) / 2
		assert(ARDOUR.LuaAPI.set_processor_param(processor, one.index, one.lower + share * (one.upper - one.lower)))
	end
	pass_blocks()
	return #all
end

-- Writes automation for every parameter: one second at its least, then at its most.
function automate_all(class)
	local all, processor = parameters(class)
	for _, one in ipairs(all) do
		local automation, points = ARDOUR.LuaAPI.plugin_automation(processor, one.index)
		assert(not automation:isnil(), "no automation of " .. one.label)
		points:add(Temporal.timepos_t(0), one.lower, false, true)
		points:add(Temporal.timepos_t(RATE_HZ), one.lower, false, true)
		points:add(Temporal.timepos_t(RATE_HZ + 64), one.upper, false, true)
		local parameter = Evoral.Parameter(ARDOUR.AutomationType.PluginAutomation, 0, one.index)
		processor:to_automatable():automation_control(parameter, false):set_automation_state(ARDOUR.AutoState.Play)
	end
	return #all
end

-- How many parameters are at their least and at their most now.
function at_ends(class)
	local all, processor = parameters(class)
	local least, most = 0, 0
	for _, one in ipairs(all) do
		local is = value(processor, one)
		if math.abs(is - one.lower) < 0.001 then least = least + 1 end
		if math.abs(is - one.upper) < 0.001 then most = most + 1 end
	end
	return string.format("%d least, %d most, of %d", least, most, #all)
end

function latency(class)
	local _, found = insert(class)
	return found:signal_latency()
end

function roll() Session:request_roll(BY_HAND) end

function stop() Session:request_stop(false, false, BY_HAND) end

function locate(sample)
	Session:request_locate(sample, false, ARDOUR.LocateTransportDisposition.RollIfAppropriate, BY_HAND)
end

function where()
	return string.format("%s at %d", Session:transport_rolling() and "rolls" or "stands", Session:transport_sample())
end

-- Under a name of its own, beside the project, or as the project.
function save(name) return assert(Session:save_state(name or "") == 0) end

answer(0, function() return open_or_make(arg[1], arg[2]):name() end)
