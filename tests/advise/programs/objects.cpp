// Objects that a thread makes and another destroys, or hands back.
#include <condition_variable>
#include <cstdio>
#include <deque>
#include <memory>
#include <mutex>
#include <thread>

struct Message {
    long number = 0;
    char text[100] = {};
};

class Queue
{
  public:
    void put(std::unique_ptr<Message> message, std::size_t limit)
    {
        std::unique_lock<std::mutex> held(lock);
        changed.wait(held, [&] { return messages.size() < limit; });
        messages.push_back(std::move(message));
        changed.notify_all();
    }

    std::unique_ptr<Message> take(bool wait)
    {
        std::unique_lock<std::mutex> held(lock);
        changed.wait(held, [&] { return !wait || !messages.empty(); });
        if (messages.empty())
            return nullptr;
        std::unique_ptr<Message> message = std::move(messages.front());
        messages.pop_front();
        changed.notify_all();
        return message;
    }

  private:
    std::mutex lock;
    std::condition_variable changed;
    std::deque<std::unique_ptr<Message>> messages;
};

static Queue there, back;

static void produce()
{
    for (long i = 1; i <= 150000; i++) {
        std::unique_ptr<Message> message = back.take(false);            // mended
        if (!message)                                                   // mended
            message = std::make_unique<Message>();                      // mended
        std::unique_ptr<Message> message = std::make_unique<Message>(); // faulty HERE
        message->number = i;
        there.put(std::move(message), 64);
    }
    there.put(nullptr, 64);
}

int main()
{
    long sum = 0;
    std::thread producer(produce);

    while (std::unique_ptr<Message> message = there.take(true)) {
        sum += message->number % 1000;
        back.put(std::move(message), 128); // mended
    }
    producer.join();
    std::printf("%ld\n", sum);
}
